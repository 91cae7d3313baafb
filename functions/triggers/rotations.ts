import { createHash } from 'node:crypto';
import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import type { DurableClient } from 'durable-functions';
import * as df from 'durable-functions';
import type { Keyturn } from '../../shared/composition';
import { idempotencyKey, listQuery, pageQuery, type StartRequest, startRequest } from '../../shared/contracts/http';
import type { Rotation } from '../../shared/contracts/rotation';
import { canonicalJson } from '../../shared/rotation/canonical-json';
import { FaultError } from '../../shared/rotation/errors';
import { parseKeyIdentifier } from '../../shared/rotation/key-identifier';
import { dryRun } from '../../shared/rotation/planning';
import type { CommandName } from '../../shared/rotation/ports';
import { command, giveUpStart, type Start, startByHand, takeOver } from '../../shared/rotation/requests';
import { answering, invalid, jsonBody, ProblemError, queryOf, valid } from './problem';
import { hasEnded, startInstance, wake } from './starting';

/** Who acts, as the history will say. A function key proves nothing about the person behind it. */
const operator = 'operator (function key)';

type Route = (request: HttpRequest, client: DurableClient, context: InvocationContext) => Promise<HttpResponseInit>;

export function registerRotations(keyturn: Keyturn): void {
  const route = (name: string, method: 'GET' | 'POST', path: string, handle: Route): void => {
    df.app.client.http(name, {
      route: path,
      methods: [method],
      authLevel: 'function',
      handler: (request, client, context) => answering(context, () => handle(request, client, context)),
    });
  };
  route('startRotation', 'POST', 'rotations', (request, client) => start(keyturn, request, client));
  route('listRotations', 'GET', 'rotations', (request) => list(keyturn, request));
  route('getRotation', 'GET', 'rotations/{id}', async (request) => json(200, await find(keyturn, request)));
  route('getRotationAudit', 'GET', 'rotations/{id}/audit', (request) => audit(keyturn, request));
  for (const name of ['rollback', 'resume', 'abandon'] as const) {
    route(`${name}Rotation`, 'POST', `rotations/{id}/${name}`, (request, client) =>
      act(keyturn, request, client, name),
    );
  }
}

async function start({ ports }: Keyturn, request: HttpRequest, client: DurableClient): Promise<HttpResponseInit> {
  const body = valid(startRequest, await jsonBody(request), 'body');
  const idempotency = valid(idempotencyKey, request.headers.get('idempotency-key'), 'header');
  const key = configuredKey(ports, body);
  if (body.dryRun) return json(200, await dryRun(ports, { key, toVersion: body.toVersion }));
  const decision = await startByHand(ports, {
    key,
    reason: body.reason,
    toVersion: body.toVersion,
    actor: operator,
    idempotencyKey: idempotency,
    requestHash: createHash('sha256').update(canonicalJson(body)).digest('hex'),
  });
  if (decision.kind === 'key-not-configured') throw unknownKey(key);
  if (decision.kind === 'other-request') {
    throw new ProblemError(
      422,
      'Idempotency-Key used before',
      'This Idempotency-Key came with another body before. Use a new one.',
    );
  }
  if (decision.kind === 'running') {
    const { rotationId, phase, allowed, start: orphan } = decision;
    if (orphan !== null) await startInstance(client, orphan).catch(() => undefined);
    const detail = `Rotation ${rotationId} of this key is under way (${phase}). Wait for its end, or act on it.`;
    throw new ProblemError(409, 'A rotation is running', detail, { rotationId, phase, allowed });
  }
  if (decision.kind === 'answered') return accepted(request, decision.rotationId);
  try {
    await startInstance(client, decision.start);
  } catch {
    await giveUpStart(ports, decision.start).catch(() => undefined);
    throw new FaultError('not-started', 'The orchestration could not be started, and nothing was changed.');
  }
  return accepted(request, decision.start.request.rotationId);
}

/** @throws ProblemError 400 unless the key is one of the configuration */
function configuredKey(ports: Keyturn['ports'], { key }: Pick<StartRequest, 'key'>): string {
  const parsed = parseKeyIdentifier(key);
  const issue = (message: string) => invalid('body', [{ path: 'key', message }]);
  if (parsed === null) throw issue('must be an unversioned key identifier: https://<vault>/keys/<name>');
  if (parsed.version !== null) throw issue('must not carry a version; give it as toVersion');
  const managed = ports.managed(parsed.key);
  if (managed === null) throw unknownKey(parsed.key);
  return managed.key;
}

const unknownKey = (key: string): ProblemError =>
  invalid('body', [{ path: 'key', message: `${key} is not in the configuration (rotation.json)` }]);

async function list({ ports }: Keyturn, request: HttpRequest): Promise<HttpResponseInit> {
  const query = valid(listQuery, queryOf(request), 'query');
  const key = query.key === null ? null : parseKeyIdentifier(query.key)?.key;
  if (key === undefined) throw invalid('query', [{ path: 'key', message: 'must be an unversioned key identifier' }]);
  return json(200, await ports.history.list({ ...query, key }));
}

async function find({ ports }: Keyturn, request: HttpRequest): Promise<Rotation> {
  const id = request.params['id'] ?? '';
  const rotation = /^[A-Za-z0-9._-]{1,100}$/.test(id) ? await ports.history.get(id) : null;
  if (rotation === null)
    throw new ProblemError(404, 'No such rotation', 'There is no rotation with this id; list them at /api/rotations.');
  return rotation;
}

async function audit(keyturn: Keyturn, request: HttpRequest): Promise<HttpResponseInit> {
  const query = valid(pageQuery, queryOf(request), 'query');
  const { key, rotationId } = await find(keyturn, request);
  return json(200, await keyturn.ports.auditLog.list(key, { rotationId, ...query }));
}

async function act(
  keyturn: Keyturn,
  request: HttpRequest,
  client: DurableClient,
  name: CommandName,
): Promise<HttpResponseInit> {
  const { rotationId } = await find(keyturn, request);
  const asked = { rotationId, command: name, actor: operator } as const;
  const decision = await command(keyturn.ports, asked);
  if (decision.kind === 'not-found')
    throw new ProblemError(404, 'No such rotation', 'There is no rotation with this id.');
  if (decision.kind === 'not-allowed') {
    const { phase, allowed } = decision;
    const detail = `${name} is not possible in ${phase}; possible: ${allowed.join(', ') || 'nothing'}.`;
    throw new ProblemError(409, 'Not possible in this phase', detail, { rotationId, phase, allowed });
  }
  if (decision.kind === 'start') await resume(client, decision.start, name);
  else if (await hasEnded(client, decision.instanceId)) {
    const start = await takeOver(keyturn.ports, asked, decision.instanceId);
    if (start !== null) await resume(client, start, name);
  } else await wake(client, decision.instanceId);
  return accepted(request, rotationId);
}

/** The command is on record, but nobody is there to obey it: given again, it starts the next instance. */
async function resume(client: DurableClient, start: Start, name: CommandName): Promise<void> {
  try {
    await startInstance(client, start);
  } catch {
    throw new FaultError('not-started', `${name} is on record, but the orchestration could not be started.`);
  }
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}): HttpResponseInit => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

const accepted = (request: HttpRequest, rotationId: string): HttpResponseInit =>
  json(202, { rotationId }, { location: new URL(`/api/rotations/${rotationId}`, request.url).href });
