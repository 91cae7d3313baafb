import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import type { DurableClient } from 'durable-functions';
import type { Keyturn } from '../../shared/composition';
import type { Caller } from '../../shared/contracts/access';
import { approveRequest } from '../../shared/contracts/http';
import { type CommandDecision, command, takeOver } from '../../shared/rotation/commands';
import { FaultError } from '../../shared/rotation/errors';
import type { CommandName } from '../../shared/rotation/ports';
import type { Start } from '../../shared/rotation/requests';
import { accepted, findRotation } from './answers';
import { jsonBody, ProblemError, valid } from './problem';
import { hasEnded, startInstance, wake } from './starting';

/** `POST /api/rotations/{id}/<command>`: on record before it is answered; what the phase does not allow is a 409 that says what it does. */
export async function giveCommand(
  { ports }: Keyturn,
  request: HttpRequest,
  client: DurableClient,
  { name, caller }: { readonly name: CommandName; readonly caller: Caller },
): Promise<HttpResponseInit> {
  const { rotationId } = await findRotation(ports, request);
  const approved = name === 'approve' ? valid(approveRequest, await jsonBody(request), 'body') : {};
  const asked = { rotationId, command: name, ...caller };
  const decision = await command(ports, { ...asked, ...approved });
  if (decision.kind === 'wake' && (await hasEnded(client, decision.instanceId))) {
    const start = await takeOver(ports, asked, decision.instanceId);
    if (start !== null) await resume(client, start, name);
  } else await carryOut(client, decision, rotationId, name);
  return accepted(request, rotationId);
}

async function carryOut(
  client: DurableClient,
  decision: CommandDecision,
  rotationId: string,
  name: CommandName,
): Promise<void> {
  switch (decision.kind) {
    case 'not-found':
      throw new ProblemError(404, 'No such rotation', 'There is no rotation with this id.');
    case 'own-request': {
      const detail = 'Whoever asked for a rotation does not approve it: somebody else has to look at the plan.';
      throw new ProblemError(403, 'Your own request', detail, { rotationId });
    }
    case 'plan-changed': {
      const { phase, planHash, instanceId } = decision;
      await wake(client, instanceId);
      const detail = 'The plan is another one by now: look at it again, then approve it by its new hash.';
      throw new ProblemError(409, 'The plan has changed', detail, {
        rotationId,
        phase,
        planHash,
        allowed: ['approve', 'cancel'],
      });
    }
    case 'not-allowed': {
      const { phase, allowed, why } = decision;
      throw new ProblemError(409, 'Not possible in this phase', why, { rotationId, phase, allowed });
    }
    case 'wake':
      return wake(client, decision.instanceId);
    case 'start':
      return resume(client, decision.start, name);
  }
}

/** The command is on record, but nobody is there to obey it: given again, or by the sweep, the next instance is started. */
async function resume(client: DurableClient, start: Start, name: CommandName): Promise<void> {
  try {
    await startInstance(client, start);
  } catch {
    throw new FaultError('not-started', `${name} is on record, but the orchestration could not be started.`);
  }
}
