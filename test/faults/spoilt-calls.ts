import { ConflictError, FaultError, PreconditionError, RefusalError } from '../../shared/rotation/errors';
import { sameKid } from '../../shared/rotation/key-identifier';
import type { Call } from '../edges/with-edges';
import type { Simulation } from '../simulation/simulation';
import type { BadAnswer, BadCall, Oddity, Outage } from './schedule';

const slowMilliseconds = 45_000;

const says = (what: string): string => `${what}, as the schedule has it.`;

/** What an adapter makes of a bad answer: the data planes' never throws, the durable client's own error is no fault of ours. */
function failing(call: Call, error: Error): unknown {
  if (call.port === 'dataPlane') return { answer: 'unknown', message: error.message };
  throw call.port === 'durableClient' ? new Error(error.message) : error;
}

const errors: Readonly<Record<Exclude<BadAnswer, 'latency'>, () => FaultError>> = {
  reset: () => new FaultError('unreachable', says('The connection was reset')),
  'lost-answer': () => new FaultError('unreachable', says('The answer was lost')),
  timeout: () => new FaultError('timeout', says('There was no answer in time')),
  throttled: () => new FaultError('throttled', says('429')),
  'throttled-with-time': () => new FaultError('throttled', says('429'), { retryAfterSeconds: 37 }),
  unavailable: () => new FaultError('unavailable', says('503')),
  'sign-in': () => new FaultError('sign-in', says('No token could be had')),
};

/** Answers a call as the service does on such a day. */
export async function badly<T>(
  answer: BadAnswer,
  simulation: Simulation,
  call: Call,
  go: () => Promise<T>,
): Promise<T> {
  if (answer === 'latency') {
    simulation.agenda.pass(slowMilliseconds);
    return go();
  }
  // A time-out, too, says nothing of whether the work was done.
  if (answer === 'lost-answer' || answer === 'timeout') await go();
  return failing(call, errors[answer]()) as T;
}

/** Whether a call is one of those. */
export const isTo = (call: Call, { to }: BadCall): boolean => `${call.port}.${call.method}` === to;

const storage: readonly Call['port'][] = ['ledger', 'auditLog', 'history', 'watch', 'plans', 'outbox', 'budgets'];

const reaches: Readonly<Record<Outage['of'], (port: Call['port']) => boolean>> = {
  vault: (port) => port === 'keyVault' || port === 'sealing.signer',
  arm: (port) => port === 'resourceManager',
  storage: (port) => storage.includes(port) || port === 'dataKeyStore' || port === 'sealing.anchors',
  'data-planes': (port) => port === 'dataPlane',
  'sign-in-service': (port) => port !== 'durableClient',
  'alert-channels': (port) => port === 'alerts',
};

export const isAway = (of: Outage['of'], call: Call): boolean => reaches[of](call.port);

export const away = (of: Outage['of'], call: Call): unknown =>
  failing(call, of === 'sign-in-service' ? errors['sign-in']() : errors.unavailable());

/** Which call an oddity meets. */
const chances: Readonly<Record<Oddity['kind'], readonly string[]>> = {
  'arm-412': ['resourceManager.put'],
  'arm-409': ['resourceManager.put'],
  'arm-404': ['resourceManager.find'],
  'operation-fails': ['resourceManager.put'],
  'operation-fails-for-now': ['resourceManager.put'],
  'ledger-conflict': ['ledger.update'],
  'wrong-bytes': ['keyVault.unwrap'],
  'probe-red': ['dataPlane.readTwin', 'dataPlane.readEnrollment'],
  'probe-unknown': ['dataPlane.readTwin', 'dataPlane.readEnrollment'],
};

export const isChance = (kind: Oddity['kind'], { port, method }: Call): boolean =>
  chances[kind].includes(`${port}.${method}`);

/** What only this method can answer. */
export async function oddly<T>(
  kind: Oddity['kind'],
  simulation: Simulation,
  call: Call,
  go: () => Promise<T>,
): Promise<T> {
  switch (kind) {
    case 'arm-412':
      throw new PreconditionError(says('412'));
    case 'arm-409':
      throw new FaultError('resource-busy', says('409: not currently in Active state'));
    case 'arm-404':
      return null as T;
    case 'ledger-conflict':
      throw new ConflictError(says('412'));
    case 'wrong-bytes':
      await go();
      // Never the same twice: two unwraps of a record without check value that agree can only be believed.
      return new Uint8Array(32).fill(simulation.agenda.now % 251) as T;
    case 'probe-red':
      return { answer: 'unreadable', message: says('It cannot use its key') } as T;
    case 'probe-unknown':
      return { answer: 'unknown', message: says('429') } as T;
    default:
      failLater(kind, simulation, call);
      return go();
  }
}

/** The operation that this PUT begins ends as failed, at its last look. */
function failLater(kind: Oddity['kind'], { cloud }: Simulation, call: Call): void {
  const service = cloud.services.find(({ body }) => body['id'] === call.args[0]);
  if (service === undefined) return;
  const message = says('The operation failed');
  service.failWith =
    kind === 'operation-fails' ? { code: '400099', message } : { code: 'ServiceUnavailable', message, mayHeal: true };
}

/** What the vault says to whoever has lost the right to a version. */
export function refuseForbidden(forbidden: ReadonlySet<string>, { port, args: [kid] }: Call): void {
  if (port !== 'keyVault' || typeof kid !== 'string') return;
  if ([...forbidden].some((each) => sameKid(kid, each))) throw new RefusalError('key-vault-forbidden', says('403'));
}
