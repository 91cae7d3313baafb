import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import type { Rotation } from '../../shared/contracts/rotation';
import type { RotationPorts } from '../../shared/rotation/run-ports';
import { ProblemError } from './problem';

export const json = (status: number, body: unknown, headers: Record<string, string> = {}): HttpResponseInit => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

export const accepted = (request: HttpRequest, rotationId: string): HttpResponseInit =>
  json(202, { rotationId }, { location: new URL(`/api/rotations/${rotationId}`, request.url).href });

/** The rotation that the route names. @throws ProblemError 404 */
export async function findRotation(ports: Pick<RotationPorts, 'history'>, request: HttpRequest): Promise<Rotation> {
  const id = request.params['id'] ?? '';
  const rotation = /^[A-Za-z0-9._-]{1,100}$/.test(id) ? await ports.history.get(id) : null;
  if (rotation !== null) return rotation;
  throw new ProblemError(404, 'No such rotation', 'There is no rotation with this id; list them at /api/rotations.');
}
