import { createHash } from 'node:crypto';
import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import type { DurableClient } from 'durable-functions';
import * as df from 'durable-functions';
import type { Keyturn } from '../../shared/composition';
import type { Caller, Role } from '../../shared/contracts/access';
import { type Issue, idempotencyKey, listQuery, pageQuery, startRequest } from '../../shared/contracts/http';
import { canonicalJson } from '../../shared/rotation/canonical-json';
import { FaultError } from '../../shared/rotation/errors';
import { parseKeyIdentifier } from '../../shared/rotation/key-identifier';
import { dryRun } from '../../shared/rotation/planning';
import { replacementOf } from '../../shared/rotation/replacing';
import { giveUpStart, startByHand } from '../../shared/rotation/requests';
import { accepted, findRotation, json } from './answers';
import { giveCommand } from './commands';
import type { Guarded } from './guard';
import { invalid, jsonBody, ProblemError, queryOf, valid } from './problem';
import { retire } from './retire';
import { startInstance } from './starting';

type Route = (request: HttpRequest, client: DurableClient, caller: Caller) => Promise<HttpResponseInit>;

export function registerRotations(keyturn: Keyturn, guarded: Guarded): void {
  const route = (name: string, role: Role, method: 'GET' | 'POST', path: string, handle: Route): void => {
    df.app.client.http(name, {
      route: path,
      methods: [method],
      authLevel: 'function',
      handler: (request, client, context) =>
        guarded({ role }, request, context, (caller) => handle(request, client, caller)),
    });
  };
  route('startRotation', 'operator', 'POST', 'rotations', (...asked) => start(keyturn, ...asked));
  route('listRotations', 'reader', 'GET', 'rotations', (request) => list(keyturn, request));
  route('getRotation', 'reader', 'GET', 'rotations/{id}', async (request) =>
    json(200, await findRotation(keyturn.ports, request)),
  );
  route('getRotationAudit', 'reader', 'GET', 'rotations/{id}/audit', (request) => audit(keyturn, request));
  route('retireRotation', 'operator', 'POST', 'rotations/{id}/retire', (...asked) => retire(keyturn, ...asked));
  for (const name of ['approve', 'cancel', 'pause', 'resume', 'rollback', 'abandon'] as const) {
    const role = name === 'approve' ? 'approver' : 'operator';
    route(`${name}Rotation`, role, 'POST', `rotations/{id}/${name}`, (request, client, caller) =>
      giveCommand(keyturn, request, client, { name, caller }),
    );
  }
}

async function start(
  { ports }: Keyturn,
  request: HttpRequest,
  client: DurableClient,
  caller: Caller,
): Promise<HttpResponseInit> {
  const content = await jsonBody(request);
  const body = valid(startRequest, content, 'body', [
    ...keyIssues(ports, content),
    ...versionIssues(content),
    ...replacementIssues(content),
  ]);
  const idempotency = valid(idempotencyKey, request.headers.get('idempotency-key'), 'header');
  const key = ports.managed(parseKeyIdentifier(body.key)?.key ?? '')?.key ?? body.key;
  const { run, toVersion } = body;
  const adopt = body.adopt ?? undefined;
  const replacement = replacementAsConfigured(ports, key, body.replacement);
  if (body.dryRun) return json(200, await dryRun(ports, { key, toVersion, run, adopt, ...replacement }));
  if ((run === 'revoke' || run === 'restore') && caller.principalId === null) throw needsTwo(run);
  const decision = await startByHand(ports, {
    key,
    reason: body.reason,
    toVersion,
    run,
    ...(adopt === undefined ? {} : { adopt }),
    ...replacement,
    ...caller,
    idempotencyKey: idempotency,
    requestHash: createHash('sha256').update(canonicalJson(body)).digest('hex'),
  });
  if (decision.kind === 'key-not-configured') throw unknownKey(key);
  if (decision.kind === 'observe') {
    const detail = 'The key is in observe mode: only a dry run is possible. Set "mode": "act" for it in rotation.json.';
    throw new ProblemError(409, 'The key is only observed', detail, { allowed: [] });
  }
  if (decision.kind === 'other-request') {
    throw new ProblemError(
      422,
      'Idempotency-Key used before',
      'This Idempotency-Key came with another body before. Use a new one.',
    );
  }
  if (decision.kind === 'running') {
    const { rotationId, purpose, phase, allowed, start: orphan } = decision;
    const of = decision.key === key ? 'this key' : decision.key;
    if (orphan !== null) await startInstance(client, orphan).catch(() => undefined);
    const detail =
      purpose === 'retirement'
        ? `The retirement after rotation ${rotationId} holds ${of} until its watch is over. Wait for its end; GET /api/keys shows how it stands.`
        : `Rotation ${rotationId} of ${of} is under way (${phase}). Wait for its end, or act on it.`;
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

/** A version to go to makes sense where something goes to one. */
function versionIssues(content: unknown): readonly Issue[] {
  const { run, toVersion, adopt } = (content ?? {}) as { run?: unknown; toVersion?: unknown; adopt?: unknown };
  if (adopt != null && run !== 'adopt') return [{ path: 'adopt', message: 'is only for "run": "adopt"' }];
  if (run === undefined || run === 'rotate' || run === 'replace' || toVersion == null) return [];
  return [
    {
      path: 'toVersion',
      message: `must be left out of "${String(run).slice(0, 20)}": nothing goes to another version`,
    },
  ];
}

/** The key to move to makes sense where another key is moved to, and is needed there. */
function replacementIssues(content: unknown): readonly Issue[] {
  const { run, replacement } = (content ?? {}) as { run?: unknown; replacement?: unknown };
  const issue = (message: string): readonly Issue[] => [{ path: 'replacement', message }];
  if (run !== 'replace') {
    return replacement == null ? [] : issue('must be left out: only "run": "replace" moves to another key');
  }
  if (replacement == null) return issue('is missing: name the key to move to, https://<vault>/keys/<name>');
  const parsed = typeof replacement === 'string' ? parseKeyIdentifier(replacement) : null;
  if (parsed === null) return issue('must be an unversioned key identifier: https://<vault>/keys/<name>');
  return parsed.version === null ? [] : issue('must not carry a version; give it as toVersion');
}

/** Spelled as rotation.json spells it, where it names it at all: the plan says what is wrong with any other. */
function replacementAsConfigured(
  ports: Keyturn['ports'],
  key: string,
  wanted: string | null,
): { readonly replacement?: string } {
  const named = wanted === null ? null : parseKeyIdentifier(wanted);
  const managed = ports.managed(key);
  if (named === null || managed === null) return {};
  return { replacement: replacementOf(managed, named.key)?.key ?? named.key };
}

/** What is wrong with the key that a body names, beside what its schema says. */
function keyIssues(ports: Keyturn['ports'], content: unknown): readonly Issue[] {
  const key = typeof content === 'object' && content !== null && 'key' in content ? content.key : undefined;
  if (typeof key !== 'string') return [];
  const parsed = parseKeyIdentifier(key);
  const issue = (message: string): readonly Issue[] => [{ path: 'key', message }];
  if (parsed === null) return issue('must be an unversioned key identifier: https://<vault>/keys/<name>');
  if (parsed.version !== null) return issue('must not carry a version; give it as toVersion');
  return ports.managed(parsed.key) === null ? issue(notConfigured(parsed.key)) : [];
}

/** Who cuts services off, or lets them in again, must be told apart from who approves it. */
function needsTwo(run: string): ProblemError {
  const detail = `"${run}" needs a second person, and whoever has a function key cannot be told from another. Turn on App Service authentication and give roles under "access" in rotation.json.`;
  return new ProblemError(422, 'A second person is needed', detail);
}

const notConfigured = (key: string): string => `${key} is not in the configuration (rotation.json)`;

const unknownKey = (key: string): ProblemError => invalid('body', [{ path: 'key', message: notConfigured(key) }]);

async function list({ ports }: Keyturn, request: HttpRequest): Promise<HttpResponseInit> {
  const query = valid(listQuery, queryOf(request), 'query');
  const key = query.key === null ? null : parseKeyIdentifier(query.key)?.key;
  if (key === undefined) throw invalid('query', [{ path: 'key', message: 'must be an unversioned key identifier' }]);
  return json(200, await ports.history.list({ ...query, key }));
}

async function audit(keyturn: Keyturn, request: HttpRequest): Promise<HttpResponseInit> {
  const query = valid(pageQuery, queryOf(request), 'query');
  const { key, rotationId } = await findRotation(keyturn.ports, request);
  return json(200, await keyturn.ports.auditLog.list(key, { rotationId, ...query }));
}
