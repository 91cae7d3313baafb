import { wakeUp } from '../../functions/durable';
import type { Cause } from '../../shared/contracts/activities';
import type { Play } from './harness';
import {
  broken,
  type Changes,
  cancelled,
  fault,
  interrupted,
  ok,
  paused,
  planOf,
  probes,
  refusal,
  request,
  stopped,
  superseded,
  thrown,
  type Usual,
  usual,
  verified,
} from './script';

const otherKey = 'https://kv-new.vault.azure.net/keys/kek-2';
const short = { policy: { soakSeconds: 1200 } };
const impatient = { policy: { soakSeconds: 600, faultDeadlineSeconds: 60, operationDeadlineSeconds: 60 } };

const road = (changes: Changes, given: Usual = short, more: Partial<Play> = {}): Play => ({
  input: request,
  script: usual(changes, given),
  ...more,
});
export const goingOn = (command: (Cause & { kind: 'resume' })['command']) => ({
  ...request,
  cause: { kind: 'resume' as const, command },
});
export const woken = (...atSeconds: readonly number[]) => atSeconds.map((at) => ({ name: wakeUp, atSeconds: at }));
const asked = (planHash: string) => ok({ decision: 'go' as const, plan: { ...planOf(), planHash }, approved: false });
const closed = (opensAt: string) => ok({ decision: 'go' as const, plan: planOf(), approved: true, opensAt });
const left = (count: number) =>
  ok({ continuation: null, done: 3, total: 3 + count, left: count, named: [{ record: 'p/1', code: 'wrong-bytes' }] });
const forgiving = {
  ...planOf(),
  targets: planOf().targets.map((target) =>
    target.kind === 'dataKeys' ? { ...target, onBadDataKey: 'finish' as const } : target,
  ),
};

const began: Readonly<Record<string, Play>> = {
  'not-admitted': road({ admit: () => ok({ admitted: false, why: 'claimed', message: 'Another run holds it.' }) }),
  'refused-at-admission': road({ admit: () => refusal('key-not-configured') }),
  'begun-later': {
    input: { ...request, notBefore: '2026-11-22T03:10:00.000Z' },
    script: usual({ makePlan: () => ok({ decision: 'skip', reasons: [] }) }),
  },
  'refused-by-its-plan': road({ makePlan: () => ok({ decision: 'refuse', reasons: [{ code: 'x', message: 'X.' }] }) }),
  'planning-given-up': road({ makePlan: () => fault() }, impatient),
  'not-approved-in-time': road({ makePlan: () => asked('h-1') }, { policy: { approvalDeadlineSeconds: 7 * 3600 } }),
  'cancelled-before-a-change': road({ makePlan: (_, call) => (call === 1 ? asked('h-1') : cancelled) }, short, {
    raise: woken(600),
  }),
  'approved-anew-and-begun-in-a-window': road(
    {
      makePlan: (_, call) =>
        [
          asked('h-1'),
          asked('h-1'),
          asked('h-2'),
          closed('2026-11-22T09:00:00.000Z'),
          closed('2026-11-22T09:00:00.000Z'),
          closed('2026-11-22T10:00:00.000Z'),
        ][call - 1],
    },
    short,
    { raise: woken(0, 60, 120, 180, 240) },
  ),
  'refused-before-a-change': road({ secureWayBack: () => refusal('no-set') }),
  'pinned-first': road({ secureWayBack: () => ok({ pinned: [0] }) }),
  'waited-for-the-policy-in-vain': road({
    chooseVersion: (_, call) => (call === 1 ? ok({ waitSeconds: 900, message: 'Soon.' }) : refusal()),
  }),
};

const moved: Readonly<Record<string, Play>> = {
  'operation-begun-again': road({
    moveTarget: (_, call) => (call === 1 ? ok({ state: 'failed', reason: { code: 'x', message: 'X.' } }) : undefined),
  }),
  'operation-too-long': road(
    {
      moveTarget: () => ok({ state: 'pending', retryAfterSeconds: 40 }),
      checkMove: () => ok({ state: 'pending', retryAfterSeconds: 40 }),
    },
    impatient,
  ),
  'operation-gone-back-on': road(
    {
      moveTarget: ({ direction }) =>
        direction === 'forward' ? ok({ state: 'pending', retryAfterSeconds: 5 }) : undefined,
      checkMove: () => ok({ state: 'failed', reason: { code: 'x', message: 'X.' } }),
      listUndo: () => ok({ targets: [0] }),
    },
    impatient,
  ),
  'data-keys-moved-again-for-their-owner': road({
    verifyTarget: ({ target }, call) => (target === 2 && call === 3 ? verified(2, 'green', 7) : undefined),
  }),
  'completed-without-a-bad-data-key': road({ moveDataKeysPage: () => left(1) }, { ...short, plan: forgiving }),
  'rolled-back-for-a-bad-data-key': road({
    moveDataKeysPage: ({ direction }) => (direction === 'forward' ? left(1) : undefined),
  }),
  'rolled-back-when-the-store-refused': road({
    moveDataKeysPage: ({ direction }) => (direction === 'forward' ? refusal('store-locked') : undefined),
  }),
  'rolled-back-when-old-data-was-unreadable': road({
    verifyTarget: ({ target, direction }) => (direction === 'forward' ? verified(target, 'red') : undefined),
  }),
  'verified-after-doubt': road({
    verifyTarget: ({ target }, call) => (call <= 2 ? verified(target, call === 1 ? 'unknown' : 'red') : undefined),
  }),
  'superseded-while-moving': road({ moveTarget: () => superseded }),
  'broken-while-moving': road({ moveTarget: () => broken() }),
  'failed-while-moving': road({ moveTarget: () => thrown }),
  'recovered-from-a-dead-worker': road({ moveTarget: (_, call) => (call === 1 ? thrown : undefined) }),
  'recovered-after-it-was-told-of': road(
    { chooseVersion: (_, call) => (call <= 2 ? fault('vault-unreachable', 1000) : undefined) },
    short,
  ),
  'told-of-at-the-second-try': road({
    chooseVersion: (_, call) => (call <= 3 ? fault('vault-unreachable', 1000) : undefined),
    sendAlert: (_, call) => (call === 1 ? fault('alert-not-handed-over') : undefined),
  }),
  'paused-in-trouble': road({
    chooseVersion: (_, call) =>
      [fault('vault-unreachable', 1000), paused, paused, stopped, fault('vault-unreachable', 5), paused][call - 1],
  }),
  'woken-during-a-step': road({
    moveTarget: (_, call) => (call === 1 ? ok({ state: 'pending', retryAfterSeconds: 5 }) : undefined),
    checkMove: (_, call, world) => {
      if (call > 1) return undefined;
      world.raise(wakeUp, 0.05);
      return ok({ state: 'pending', retryAfterSeconds: 5 });
    },
  }),
  'ended-by-an-error-nobody-foresaw': road({ probeTargets: () => ok({ results: null as never }) }),
  'told-long-after-its-end': road(
    { sendAlert: (_, call) => (call <= 8 ? fault('storage-unreachable') : undefined) },
    impatient,
  ),
  'told-nobody': road({ sendAlert: () => refusal() }),
};

const soaked: Readonly<Record<string, Play>> = {
  'rolled-back-when-probes-were-red': road({ probeTargets: () => probes('green', 'red', 'green') }),
  'certain-after-the-soak': road({
    probeTargets: (_, call) => (call === 2 ? probes('unknown', 'green', 'green') : undefined),
  }),
  'never-certain-after-the-soak': road({ probeTargets: () => probes('unknown', 'green', 'green') }, impatient),
  'woken-while-soaking': road({}, short, { raise: woken(700) }),
};

const ended: Readonly<Record<string, Play>> = {
  'gone-back-from-the-ledger': {
    input: goingOn('rollback'),
    script: usual({}, { known: planOf(), direction: 'back', moved: [0, 1] }),
  },
  'gone-back-on-with': {
    input: goingOn('resume'),
    script: usual({}, { known: planOf(), direction: 'back', moved: [0] }),
  },
  'gone-back-without-a-plan': { input: goingOn('rollback'), script: usual({}, { direction: 'back' }) },
  'abandonment-refused': { input: goingOn('abandon'), script: usual({ recordStanding: () => refusal() }) },
  'way-back-not-proved': road({ moveTarget: () => refusal(), proveWayBack: () => refusal('cannot-unwrap') }),
  'called-back-as-it-ended': road({
    beginSoak: () => broken(),
    enterPhase: ({ phase }, call) => (phase === 'needs-attention' && call < 6 ? interrupted : undefined),
  }),
  'superseded-as-it-ended': road({
    beginSoak: () => broken(),
    enterPhase: ({ phase }) => (phase === 'needs-attention' ? superseded : undefined),
  }),
};

/** Long ones, which leave their history behind. */
const onward: Readonly<Record<string, Play>> = {
  'moved-in-two-executions': road({}, { ...short, plan: planOf(40) }),
  'soaked-in-two-executions': road({}, { policy: { soakSeconds: 50 * 600 } }),
  'rolled-back-in-its-second-execution': road(
    {
      moveTarget: ({ target, direction }) => (target === 39 && direction === 'forward' ? refusal() : undefined),
      listUndo: () => ok({ targets: [39] }),
    },
    { ...short, plan: planOf(40) },
  ),
  'stuck-in-its-second-execution': road(
    {
      moveTarget: ({ target, direction }) => (target === 39 && direction === 'forward' ? refusal() : undefined),
      listUndo: () => refusal(),
    },
    { ...short, plan: planOf(40) },
  ),
};

export const roadsOfRotations: Readonly<Record<string, Play>> = {
  completed: road({}),
  'completed-after-faults-and-an-operation': road({
    chooseVersion: (_, call) => (call <= 3 ? fault() : undefined),
    moveTarget: ({ target }) => (target === 1 ? ok({ state: 'pending', retryAfterSeconds: 15 }) : undefined),
    checkMove: (_, call) => (call === 1 ? ok({ state: 'pending', retryAfterSeconds: 15 }) : undefined),
  }),
  'rolled-back-when-dps-refused': road(
    {
      moveTarget: ({ target, direction }) =>
        target === 1 && direction === 'forward' ? refusal('dps-refuses') : undefined,
    },
    {},
  ),
  'rolled-back-by-an-operator-while-soaking': road(
    { probeTargets: (_, call) => (call === 2 ? interrupted : undefined) },
    short,
    { raise: woken(900) },
  ),
  'needs-attention-past-a-deadline': road({ beginSoak: () => fault() }),
  skipped: road({ makePlan: () => ok({ decision: 'skip', reasons: [] }) }, {}),
  resumed: { input: goingOn('resume'), script: usual({}, { ...short, known: planOf() }) },
  'completed-after-approval-policy-and-pause': road(
    {
      makePlan: (_, call) => (call === 1 ? asked('h-1') : undefined),
      chooseVersion: (_, call) => (call === 1 ? ok({ waitSeconds: 900, message: 'Soon.' }) : undefined),
      moveTarget: (_, call) => (call === 1 ? paused : undefined),
      moveDataKeysPage: (_, call) => (call === 1 ? stopped : undefined),
    },
    short,
    { raise: woken(600) },
  ),
  abandoned: { input: goingOn('abandon'), script: usual() },
  replaced: { input: { ...request, run: 'replace', replacement: otherKey }, script: usual({}, short) },
  ...began,
  ...moved,
  ...soaked,
  ...ended,
  ...onward,
};
