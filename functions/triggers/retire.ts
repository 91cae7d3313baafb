import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import type { DurableClient } from 'durable-functions';
import type { Keyturn } from '../../shared/composition';
import type { Caller } from '../../shared/contracts/access';
import { retireByHand } from '../../shared/rotation/retiring-by-hand';
import { accepted, findRotation } from './answers';
import { ProblemError } from './problem';
import { startRetirement } from './starting';

/** `POST /api/rotations/{id}/retire`: begins its retirement now, without the grace period. */
export async function retire(
  { ports }: Keyturn,
  request: HttpRequest,
  client: DurableClient,
  caller: Caller,
): Promise<HttpResponseInit> {
  const { rotationId, phase } = await findRotation(ports, request);
  const decision = await retireByHand(ports, { rotationId, ...caller });
  switch (decision.kind) {
    case 'not-found':
      throw new ProblemError(404, 'No such rotation', 'There is no rotation with this id.');
    case 'running': {
      const running = { rotationId: decision.rotationId };
      throw new ProblemError(409, 'A rotation is running', decision.why, running);
    }
    case 'not-possible':
      throw new ProblemError(409, 'Nothing to retire', decision.why, { rotationId, phase, allowed: [] });
    case 'start':
      // It is due on record: what cannot be started now is begun by the sweep.
      await startRetirement(client, decision).catch(() => undefined);
      return accepted(request, rotationId);
    case 'waits':
      return accepted(request, rotationId);
  }
}
