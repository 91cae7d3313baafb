import type {
  Activities,
  ActivityName,
  Direction,
  ProbeColour,
  ProbeResult,
  RetirementRequest,
  RotationRequest,
  RunPlan,
  RunPolicy,
} from '../../shared/contracts/activities';
import {
  type Broken,
  type Fault,
  type Interrupted,
  type Outcome,
  ok,
  type Refusal,
  type Superseded,
} from '../../shared/contracts/outcome';
import type { TargetKind } from '../../shared/contracts/rotation';

/** What a scripted activity may do to the world around it. */
export interface World {
  readonly now: string;
  /** Raises a durable event at the root instance so many seconds from now. */
  raise(name: string, afterSeconds: number): void;
}

/** An answer, or an Error that the activity throws. Typed by the contract, so that a script cannot drift from it. */
export type Answer<N extends ActivityName> = Outcome<Activities[N]['output']> | Error;
type Scripted<N extends ActivityName, A> = (input: Activities[N]['input'], call: number, world: World) => A;
export type Script = { readonly [N in ActivityName]: Scripted<N, Answer<N>> };
/** What differs from the usual; undefined leaves this call as it usually is. `call` counts from 1. */
export type Changes = { readonly [N in ActivityName]?: Scripted<N, Answer<N> | undefined> };

interface Call {
  readonly name: ActivityName;
  readonly input: Readonly<Record<string, unknown>>;
  readonly call: number;
  readonly world: World;
}

/** Calls one activity of the script; what it was handed has crossed a JSON boundary. */
export function callScript(script: Script, { name, input, call, world }: Call): Answer<ActivityName> {
  const scripted = script[name] as Scripted<ActivityName, Answer<ActivityName>>;
  return scripted(JSON.parse(JSON.stringify(input)), call, world);
}

const short: Partial<Record<ActivityName, readonly string[]>> = {
  enterPhase: ['phase'],
  moveTarget: ['target', 'direction'],
  checkMove: ['target', 'direction'],
  verifyTarget: ['target', 'direction'],
  moveDataKeysPage: ['target', 'direction', 'continuation'],
  noteWaiting: ['waitingFor'],
  sendAlert: ['alert'],
  dropOldBlobs: ['target', 'continuation'],
  endRetirement: ['status'],
};

/** A step as a test reads it: its name, and the inputs that tell it from the next. */
export const told = (name: ActivityName, input: Readonly<Record<string, unknown>>): string =>
  [name, ...(short[name] ?? []).map((key) => String(input[key]))].join(' ');

export const fault = (code = 'vault-unreachable', retryAfterSeconds?: number): Fault => ({
  kind: 'fault',
  code,
  message: `A fault: ${code}.`,
  ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
});
export const refusal = (code = 'no-role'): Refusal => ({ kind: 'refusal', code, message: `A refusal: ${code}.` });
export const broken = (code = 'I8'): Broken => ({ kind: 'broken', code, message: `Broken: ${code}.` });
export const interrupted: Interrupted = { kind: 'interrupted', command: 'rollback', message: 'An operator said so.' };
export const cancelled: Interrupted = { kind: 'interrupted', command: 'cancel', message: 'An operator cancelled it.' };
export const paused: Interrupted = { kind: 'interrupted', command: 'pause', message: 'An operator paused it.' };
export const stopped: Interrupted = { kind: 'interrupted', command: 'stop', message: 'The stop switch is thrown.' };
export const superseded: Superseded = { kind: 'superseded', message: 'A newer run holds the claim.' };
export const thrown = new Error('the worker died');

export { ok } from '../../shared/contracts/outcome';
export const key = 'https://kv-plant.vault.azure.net/keys/kek';
export const request: RotationRequest = {
  rotationId: 'r-1',
  key,
  reason: 'The key is about to expire.',
  cause: { kind: 'event', type: 'Microsoft.KeyVault.KeyNearExpiry', version: 'v1', eventId: 'e-1' },
  toVersion: null,
  generation: null,
  requestedAt: '2026-11-22T02:59:59.000Z',
};

export const retirement: RetirementRequest = { key, rotationId: 'r-1' };

export const policy: RunPolicy = {
  soakSeconds: 3600,
  probeEverySeconds: 600,
  redProbes: { red: 2, of: 3 },
  faultDeadlineSeconds: 7200,
  operationDeadlineSeconds: 1800,
  alertAfterSeconds: 900,
  graceSeconds: 7 * 86_400,
  watchSeconds: 25 * 3600,
  approval: 'none',
  approvalDeadlineSeconds: 7 * 86_400,
  backOffSeconds: 6 * 3600,
  expiredPrevious: 'refuse',
  pin: false,
};

const kinds: readonly TargetKind[] = ['iotHub', 'dps', 'dataKeys'];

/** A plan over so many targets: hub, DPS, data keys, hub, … */
export const planOf = (targets = 3): RunPlan => ({
  planHash: 'h-1',
  previousVersion: 'v1',
  targets: Array.from({ length: targets }, (_, index) => ({
    kind: kinds[index % 3] as TargetKind,
    name: `${kinds[index % 3]}-${index}`,
    previousKid: `${key}/v1`,
    previousVersion: 'v1',
    total: 1,
  })),
});

export const probeOf = (target: number, colour: ProbeColour): ProbeResult => ({
  kind: kinds[target % 3] as TargetKind,
  name: `${kinds[target % 3]}-${target}`,
  colour,
  message: `The probe is ${colour}.`,
});

/** A round of probes of three targets. */
export const probes = (...colours: readonly ProbeColour[]) =>
  ok({ results: colours.map((colour, target) => probeOf(target, colour)) });

export const verified = (target: number, colour: ProbeColour, behind = 0) =>
  ok({ evidence: [], probe: probeOf(target, colour), behind });

export interface Usual {
  readonly plan?: RunPlan;
  readonly policy?: Partial<RunPolicy>;
  readonly direction?: Direction;
  /** The plan on record of a run that is resumed. */
  readonly known?: RunPlan;
  /** Targets with an undo on record already. */
  readonly moved?: readonly number[];
}

/** Activities as they go when nothing goes wrong; `changes` says what does. */
export function usual(changes: Changes = {}, given: Usual = {}): Script {
  const plan = given.plan ?? given.known ?? planOf();
  const moved = new Set(given.moved ?? []);
  let soakStartedAt: string | undefined;
  const note = ({ target, direction }: { target: number; direction: Direction }) => {
    if (direction === 'forward') moved.add(target);
  };
  const script: Script = {
    admit: ({ request: { rotationId } }) =>
      ok({
        admitted: true,
        run: { key, rotationId, generation: 1 },
        policy: { ...policy, ...given.policy },
        direction: given.direction ?? 'forward',
        plan: given.known ?? null,
      }),
    makePlan: () => ok({ decision: 'go', plan, approved: true }),
    chooseVersion: () => ok({ nextVersion: 'v2' }),
    moveTarget: () => ok({ state: 'done' }),
    checkMove: () => ok({ state: 'done' }),
    moveDataKeysPage: ({ done }) => ok({ continuation: null, done: done + 10, total: 10, left: 0, named: [] }),
    verifyTarget: ({ target }) => verified(target, 'green'),
    beginSoak: ({ now }) => {
      soakStartedAt ??= now;
      return ok({ soakStartedAt });
    },
    probeTargets: () => ok({ results: plan.targets.map((_, target) => probeOf(target, 'green')) }),
    proveWayBack: () => ok({ evidence: [] }),
    listUndo: () => ok({ targets: [...moved] }),
    secureWayBack: () => ok({ pinned: [] }),
    writeAdoption: () => ok({ left: [] }),
    undoAdoption: () => ok({ undone: true }),
    revokeVersions: ({ now }) => ok({ revokedAt: now, versions: ['v1'] }),
    restoreVersions: () => ok({ versions: ['v1'] }),
    lookAtAccess: () => ok({ results: plan.targets.map((_, target) => probeOf(target, 'red')) }),
    beginRetirement: ({ request: { rotationId } }) =>
      ok({
        admitted: true,
        run: { key, rotationId, generation: 2 },
        policy: { ...policy, ...given.policy },
        versions: ['v1'],
        targets: plan.targets.length,
        disabledAt: null,
      }),
    proveIdle: () => ok({ idle: true, reasons: [] }),
    disableVersions: ({ now }) => ok({ disabledAt: now }),
    enableVersions: () => ok({ enabled: ['v1'] }),
    watchTargets: () => ok({ results: plan.targets.map((_, target) => probeOf(target, 'green')) }),
    dropOldBlobs: () => ok({ continuation: null, dropped: 1 }),
    endRetirement: ({ status }) => ok({ status }),
    recordStanding: () => ok({ reasons: [{ code: 'stands-on', message: 'The hub stands on v2.' }] }),
    enterPhase: ({ phase }) => ok({ phase }),
    noteWaiting: () => ok({ noted: true }),
    sendAlert: () => ok({ alertId: 'a-1' }),
  };
  const changed = <N extends ActivityName>(name: N): Scripted<N, Answer<N>> => {
    const change = changes[name] as Changes[N] as Scripted<N, Answer<N> | undefined> | undefined;
    return (input, call, world) => {
      // The undo is on record before the step, so a step that refuses counts as moved too.
      if (name === 'moveTarget' || name === 'moveDataKeysPage') note(input as Parameters<typeof note>[0]);
      return change?.(input, call, world) ?? script[name](input, call, world);
    };
  };
  return Object.fromEntries(
    (Object.keys(script) as ActivityName[]).map((name) => [name, changed(name)]),
  ) as unknown as Script;
}
