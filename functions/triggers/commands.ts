import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import type { DurableClient } from 'durable-functions';
import type { Keyturn } from '../../shared/composition';
import { approveRequest } from '../../shared/contracts/http';
import { type CommandDecision, command, takeOver } from '../../shared/rotation/commands';
import { FaultError } from '../../shared/rotation/errors';
import type { CommandName } from '../../shared/rotation/ports';
import type { Start } from '../../shared/rotation/requests';
import { accepted, findRotation, operator } from './answers';
import { jsonBody, ProblemError, valid } from './problem';
import { hasEnded, startInstance, wake } from './starting';

/** `POST /api/rotations/{id}/<command>`: on record before it is answered; what the phase does not allow is a 409 that says what it does. */
export async function giveCommand(
  { ports }: Keyturn,
  request: HttpRequest,
  client: DurableClient,
  name: CommandName,
): Promise<HttpResponseInit> {
  const { rotationId } = await findRotation(ports, request);
  const approved = name === 'approve' ? valid(approveRequest, await jsonBody(request), 'body') : {};
  const decision = await command(ports, { rotationId, command: name, actor: operator, ...approved });
  if (decision.kind === 'wake' && (await hasEnded(client, decision.instanceId))) {
    const start = await takeOver(ports, { rotationId, command: name, actor: operator }, decision.instanceId);
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
