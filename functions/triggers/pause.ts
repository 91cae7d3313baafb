import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions';
import type { DurableClient } from 'durable-functions';
import * as df from 'durable-functions';
import type { Keyturn } from '../../shared/composition';
import type { Caller } from '../../shared/contracts/access';
import { pauseRequest } from '../../shared/contracts/http';
import { pauseAll, resumeAll } from '../../shared/rotation/pausing-all';
import { json } from './answers';
import type { Guarded } from './guard';
import { jsonBody, ProblemError, valid } from './problem';
import { wake } from './starting';

/** `GET /api/pause`, `POST /api/pause`, `POST /api/resume`: every KEK at once. Each run's own are at `/api/rotations/{id}`. */
export function registerPause(keyturn: Keyturn, guarded: Guarded): void {
  app.http('showPause', {
    route: 'pause',
    methods: ['GET'],
    authLevel: 'function',
    handler: (request, context) =>
      guarded({ role: 'reader' }, request, context, async () =>
        json(200, { reason: await keyturn.ports.ledger.stopped() }),
      ),
  });
  app.http('pauseAll', {
    route: 'pause',
    methods: ['POST'],
    authLevel: 'function',
    handler: (request, context) =>
      guarded({ role: 'operator' }, request, context, (caller) => pause(keyturn, request, caller)),
  });
  df.app.client.http('resumeAll', {
    route: 'resume',
    methods: ['POST'],
    authLevel: 'function',
    handler: (request, client, context) =>
      guarded({ role: 'operator' }, request, context, (caller) => resume(keyturn, client, caller)),
  });
}

async function pause({ ports }: Keyturn, request: HttpRequest, caller: Caller): Promise<HttpResponseInit> {
  const { reason } = valid(pauseRequest, await jsonBody(request), 'body');
  await pauseAll(ports, caller, reason);
  return json(200, { reason: await ports.ledger.stopped() });
}

async function resume({ ports }: Keyturn, client: DurableClient, caller: Caller): Promise<HttpResponseInit> {
  const resumed = await resumeAll(ports, caller);
  if (resumed.kind === 'still-stopped') {
    const detail = `The setting KEYTURN_STOP still stops everything: ${resumed.reason} Remove it and restart the app.`;
    throw new ProblemError(409, 'Still stopped', detail, { allowed: [] });
  }
  for (const instanceId of resumed.instanceIds) await wake(client, instanceId);
  return json(200, { reason: null });
}
