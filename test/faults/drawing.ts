import * as fc from 'fast-check';
import {
  answers,
  asked,
  type BadCall,
  deeds,
  type Fault,
  type Moment,
  oddities,
  outages,
  type Schedule,
  type Stage,
  stages,
  type World,
} from './schedule';

/** Calls that are worth spoiling, those with an effect more often. */
const methods = [
  'keyVault.createVersion',
  'keyVault.versions',
  'keyVault.version',
  'keyVault.unwrap',
  'keyVault.rotationPolicy',
  'keyVault.setEnabled',
  'keyVault.setExpiry',
  'keyVault.setRotationPolicy',
  'resourceManager.put',
  'resourceManager.find',
  'resourceManager.post',
  'resourceManager.operation',
  'resourceManager.list',
  'dataPlane.readTwin',
  'dataPlane.readEnrollment',
  'dataKeyStore.page',
  'dataKeyStore.kids',
  'dataKeyStore.read',
  'dataKeyStore.replace',
  'ledger.read',
  'ledger.update',
  'ledger.stopped',
  'ledger.recordEvent',
  'ledger.markEventStarted',
  'ledger.retirements',
  'auditLog.append',
  'auditLog.head',
  'history.put',
  'history.get',
  'plans.put',
  'watch.put',
  'outbox.put',
  'outbox.delivered',
  'alerts.send',
  'durableClient.startNew',
  'durableClient.raiseEvent',
  'durableClient.getStatus',
  'durableClient.purgeInstanceHistoryBy',
] as const;

/** Where each kind of run is most of its time; elsewhere a fault would find nobody. */
const stagesOf: Readonly<Record<World['run'], readonly Stage[]>> = {
  rotation: [
    'requested',
    'planning',
    'creating-version',
    'rewrapping',
    'soaking',
    'rolling-back',
    'completed',
    'needs-attention',
  ],
  replace: ['planning', 'creating-version', 'rewrapping', 'soaking', 'rolling-back', 'completed'],
  adopt: ['requested', 'planning', 'adopting', 'rolling-back', 'completed'],
  revoke: ['planning', 'revoking', 'rolling-back', 'completed'],
  restore: ['planning', 'restoring', 'completed'],
  retirement: ['completed', 'retiring', 'free'],
};

const world: fc.Arbitrary<World> = fc.record({
  run: fc.oneof(
    { weight: 8, arbitrary: fc.constant('rotation' as const) },
    { weight: 7, arbitrary: fc.constantFrom(...asked) },
  ),
  cause: fc.constantFrom('near-expiry', 'by-hand', 'new-version', 'lost-event'),
  targets: fc.shuffledSubarray(['iotHub', 'dps', 'dataKeys'] as const, { minLength: 1 }),
  records: fc.integer({ min: 0, max: 5 }),
  approval: fc.boolean(),
  expiredPrevious: fc.constantFrom('refuse', 'extend', 'forward-only'),
  keyCache: fc.oneof(
    { weight: 4, arbitrary: fc.constant('5m' as const) },
    { weight: 1, arbitrary: fc.constant('24h' as const) },
  ),
  wrapFailsAt: fc.constantFrom('operation', 'put', 'later'),
  vaultUnreachable: fc.constantFrom('fails', 'waits'),
  operationSeconds: fc.constantFrom(25, 1, 90),
  whileBusy: fc.constantFrom('next', 'previous'),
  sasKeys: fc.constantFrom('wiped', 'kept'),
  staleReads: fc.integer({ min: 0, max: 2 }),
  seals: fc.boolean(),
  instanceHistory: fc.constantFrom('PT1H', 'P90D'),
  answer: fc.constantFrom('resume', 'rollback', 'abandon'),
  isAdopted: fc.boolean(),
  names: fc.oneof(
    { weight: 10, arbitrary: fc.constant('a version' as const) },
    { weight: 2, arbitrary: fc.constant('none, to be pinned' as const) },
    { weight: 1, arbitrary: fc.constant('none' as const) },
  ),
  stranger: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

function momentsOf(run: World['run']): fc.Arbitrary<Moment> {
  const stage = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...stagesOf[run]) },
    { weight: 1, arbitrary: fc.constantFrom(...stages) },
  );
  return fc.record({ stage, call: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 40 })) });
}

/** Few times is what a service does; very many is what it does on a bad day. */
const times = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 1, arbitrary: fc.integer({ min: 4, max: 60 }) },
);
const nth = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 30 }) },
);
const minutes = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 400 }));

/** Before the plan is acted upon a run can be cancelled; later it only goes back. */
const earlyCancel: fc.Arbitrary<Fault> = fc.record({
  kind: fc.constant('cancel' as const),
  at: fc.record({ stage: fc.constantFrom('requested', 'planning'), call: fc.integer({ min: 1, max: 12 }) }),
  minutes,
});

function faultsOf(run: World['run']): fc.Arbitrary<Fault> {
  const at = momentsOf(run);
  const call: fc.Arbitrary<BadCall> = fc.record({
    kind: fc.constant('call' as const),
    to: fc.constantFrom(...methods),
    nth,
    times,
    answer: fc.constantFrom(...answers),
  });
  return fc.oneof(
    { weight: 5, arbitrary: call },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom(...oddities), nth, times }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('kill-before' as const, 'kill-after' as const), at }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('outage' as const), of: fc.constantFrom(...outages), at, minutes }),
    },
    { weight: 1, arbitrary: earlyCancel },
    { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom(...deeds), at, minutes }) },
  );
}

/** A world, and up to eight things that go wrong in it. */
export const schedules: fc.Arbitrary<Schedule> = world.chain((made) =>
  fc.record({
    world: fc.constant(made),
    faults: fc.array(faultsOf(made.run), { minLength: 1, maxLength: 8, size: 'max' }),
  }),
);
