import { type Phase, phases } from '../../shared/contracts/rotation';
import type { TargetName } from '../simulation/configured';

/** What is asked for. `rotation` by an event or by hand; `retirement` and `restore` after a run in which nothing goes wrong. */
export const asked = ['rotation', 'replace', 'adopt', 'revoke', 'restore', 'retirement'] as const;
export type Asked = (typeof asked)[number];

export interface World {
  readonly run: Asked;
  /** Of a rotation. */
  readonly cause: 'near-expiry' | 'new-version' | 'by-hand' | 'lost-event';
  /** In the order in which they move. */
  readonly targets: readonly TargetName[];
  readonly records: number;
  /** Of a rotation or a replacement; a revocation has to be approved always. */
  readonly approval: boolean;
  readonly expiredPrevious: 'refuse' | 'extend' | 'forward-only';
  /** How hubs and DPS read what nobody outside Azure knows; the words are those of the local cloud. */
  readonly keyCache: '5m' | '24h';
  readonly wrapFailsAt: 'put' | 'operation' | 'later';
  readonly vaultUnreachable: 'fails' | 'waits';
  readonly operationSeconds: number;
  readonly whileBusy: 'next' | 'previous';
  readonly sasKeys: 'wiped' | 'kept';
  /** Reads that answer 404 after an operation. */
  readonly staleReads: number;
  readonly seals: boolean;
  /** For how long the task hub keeps what has ended. */
  readonly instanceHistory: 'P90D' | 'PT1H';
  /** What somebody answers first to a run that needs attention. */
  readonly answer: 'resume' | 'rollback' | 'abandon';
  /** Whether hub and DPS name a version of the key; where they name none, they are pinned first, or the plan refuses. */
  readonly names: 'a version' | 'none, to be pinned' | 'none';
  /** A hub or DPS is under the key that nobody has configured. */
  readonly stranger: boolean;
  /** Of an adoption: there is nothing left to do. */
  readonly isAdopted: boolean;
}

/** The phase of the claim; `retiring` while it is held for a retirement, `free` while nobody holds it. */
export type Stage = Phase | 'retiring' | 'free';

/** In every one of them something can be struck: where a run has ended, it holds the claim until all of its end is told. */
export const stages: readonly Stage[] = [...phases, 'retiring', 'free'];

/** At the nth call that the app makes to anything while the claim stands there, once it has been disturbed by nothing for so long. */
export interface Moment {
  readonly stage: Stage;
  readonly call: number;
}

export const answers = [
  'latency',
  'reset',
  'lost-answer',
  'timeout',
  'throttled',
  'throttled-with-time',
  'unavailable',
  'sign-in',
] as const;
export type BadAnswer = (typeof answers)[number];

/** What a service does to one method of one port: from its nth call on, so many times. */
export interface BadCall {
  readonly kind: 'call';
  /** `port.method` */
  readonly to: string;
  readonly nth: number;
  readonly times: number;
  readonly answer: BadAnswer;
}

/** Something that only one method can answer. */
export const oddities = [
  'arm-412',
  'arm-409',
  'arm-404',
  'operation-fails',
  'operation-fails-for-now',
  'ledger-conflict',
  'wrong-bytes',
  'probe-red',
  'probe-unknown',
] as const;
export interface Oddity {
  readonly kind: (typeof oddities)[number];
  readonly nth: number;
  readonly times: number;
}

/** The process ends at one call: before it, after it, or after it with the answer on its way. */
export interface Kill {
  readonly kind: 'kill-before' | 'kill-after';
  readonly at: Moment;
}

/** Everything of one kind is away for some time. */
export const outages = ['vault', 'arm', 'storage', 'data-planes', 'sign-in-service', 'alert-channels'] as const;
export interface Outage {
  readonly kind: 'outage';
  readonly of: (typeof outages)[number];
  readonly at: Moment;
  readonly minutes: number;
}

/** What people, other programs and accidents do. */
export const deeds = [
  'pause',
  'pause-all',
  'rollback',
  'cancel',
  'abandon',
  'second-request',
  'second-event',
  'duplicate-event',
  'forged-event',
  'late-event',
  'human-tags-hub',
  'human-tags-dps',
  'deployment-reverts-hub',
  'deployment-reverts-dps',
  'disable-previous',
  'disable-next',
  'key-deleted',
  'forbid-previous',
  'forbid-next',
  'clock-jumps',
  'clock-goes-back',
  'clock-goes-ahead',
  'task-hub-lost',
  'verify-now',
  'purge-now',
  'history-tampered',
  'owner-writes-record',
  'owner-removes-record',
] as const;
export interface Deed {
  readonly kind: (typeof deeds)[number];
  readonly at: Moment;
  /** Until it is taken back, where it can be. */
  readonly minutes: number;
}

export type Fault = BadCall | Oddity | Kill | Outage | Deed;

export interface Schedule {
  readonly world: World;
  readonly faults: readonly Fault[];
}

/** The name under which a fault is counted. */
export const nameOf = (fault: Fault): string =>
  fault.kind === 'call' ? fault.answer : fault.kind === 'outage' ? `outage of ${fault.of}` : fault.kind;

/** Every name there is: one that no schedule reaches proves nothing. */
export const everyFault: readonly string[] = [
  ...answers,
  ...oddities,
  'kill-before',
  'kill-after',
  ...outages.map((of) => `outage of ${of}`),
  ...deeds,
];
