import { FaultError } from '../../shared/rotation/errors';
import { dpsId, hubId, kek, otherKey, v1 } from '../simulation/cloud';
import { approve, bare, near, newest, phase, type Run, rest, rotate, small } from './runs';

const minute = 60_000;
const onlyKeys = { records: 2, targets: ['dataKeys'] } as const;

/** Runs in which people, sweeps and accidents have their part. */
export const moreRuns: readonly Run[] = [
  {
    name: 'data keys in stretches',
    said: 'Forty data keys under a vault that takes a second for each: the pass over them is done in stretches.',
    given: { records: 40, targets: ['dataKeys'] },
    accidents:
      ({ agenda }) =>
      (call, go) => {
        if (call.method === 'unwrap') agenda.pass(1000);
        return go();
      },
    only: /^moveDataKeysPage/,
    play: rotate,
  },
  {
    name: 'replace goes back',
    said: 'An operator calls a replacement back while it soaks.',
    given: {
      ...{ records: 2, targets: ['dps', 'dataKeys'], replaceable: true },
      key: { acceptUnknown: ['identity-may-use-key', 'network-allows'] },
    },
    before: async (stage) => {
      stage.simulation.cloud.otherVault.addVersion();
      await stage.person.start({ key: kek, run: 'replace', replacement: otherKey });
      await phase(stage, 'soaking');
    },
    play: async (stage) => {
      await stage.person.command('rollback', newest(stage));
      await rest(stage);
    },
  },
  {
    name: 'revoke goes back',
    said: 'An operator calls a revocation back while its effect is watched.',
    given: { records: 1, targets: ['dps', 'dataKeys'], signIn: true },
    before: async (stage) => {
      const id = await stage.person.start({ key: kek, run: 'revoke' });
      await approve(stage, id);
      await stage.simulation.runUntil(() => stage.simulation.cloud.vault.look().every(({ enabled }) => !enabled));
    },
    play: async (stage) => {
      await stage.person.command('rollback', newest(stage));
      await rest(stage);
    },
  },
  {
    name: 'way back secured',
    said: 'Hub and DPS name no version and are pinned first; the previous version would expire too soon and gets longer.',
    given: { ...small, key: { pin: true, expiredPrevious: 'extend' }, modes: { unversionedFollowed: 'never' } },
    before: async ({ simulation }) => {
      simulation.cloud.vault.change(v1, { expiresOn: new Date('2026-11-22T12:30:00Z') });
      for (const service of simulation.cloud.services) {
        service.body = JSON.parse(JSON.stringify(service.body).replace(`${kek}/${v1}`, kek));
      }
    },
    only: /^(secureWayBack|moveTarget|verifyTarget)/,
    play: rotate,
  },
  {
    name: 'missed event',
    said: 'No event told that a version is near its expiry: the sweep finds it out.',
    given: onlyKeys,
    before: async ({ simulation }) => {
      simulation.cloud.vault.change(v1, { expiresOn: new Date('2026-12-10T00:00:00Z') });
    },
    only: /^(sweep|admit)/,
    play: async (stage) => {
      await phase(stage, 'completed');
      await rest(stage);
    },
  },
  {
    name: 'findings',
    said: 'A key has neither a policy nor an expiry: the sweep finds it out and tells of it once.',
    given: onlyKeys,
    before: bare,
    only: /^sweep/,
    play: async (stage) => {
      await stage.simulation.runUntil(() => stage.simulation.cloud.alerts.sent.length > 0);
      // Nothing is told a second time.
      await stage.simulation.tick('sweep');
      await rest(stage);
    },
  },
  {
    name: 'alerts late',
    said: 'The alert topic is away when a rotation completes.',
    given: onlyKeys,
    accidents:
      ({ agenda }) =>
      async (call, go) => {
        const isAway = agenda.now < Date.parse('2026-11-22T12:13:00Z');
        if (call.port === 'alerts' && isAway) throw new FaultError('unavailable', 'The topic is away.');
        return go();
      },
    only: /^(sendAlert|deliverAlerts)/,
    play: rotate,
  },
  {
    name: 'people in between',
    said: 'Started by hand, approved by a second person, paused and resumed, all keys paused and resumed, and completed.',
    given: { ...onlyKeys, signIn: true, key: { approval: 'required' } },
    only: /^(start|approve|pause|resume)\w*\//,
    play: async (stage) => {
      const { person, simulation } = stage;
      const id = await person.start({ key: kek });
      await approve(stage, id);
      await phase(stage, 'soaking');
      await person.command('pause', id);
      await simulation.runUntil(() => simulation.rotations.at(-1)?.waitingFor === 'pause');
      await person.command('resume', id);
      await person.ask('pauseAll', { body: { reason: 'a storm' } });
      await person.ask('resumeAll');
      await rest(stage);
    },
  },
  {
    name: 'cancelled',
    said: 'Somebody cancels a rotation that waits for its approval.',
    given: { ...onlyKeys, signIn: true, key: { approval: 'required' } },
    before: async (stage) => {
      await stage.person.start({ key: kek });
      await stage.simulation.runUntil(() => stage.simulation.rotations.at(-1)?.waitingFor === 'approval');
    },
    play: async (stage) => {
      await stage.person.command('cancel', newest(stage));
      await rest(stage);
    },
  },
  {
    name: 'needs attention',
    said: 'ARM is away for longer than the run waits; when it is back, an operator lets the run go on.',
    given: { records: 2, targets: ['dps', 'dataKeys'], key: { faultDeadline: 'PT10M', alertAfter: 'PT2M' } },
    accidents: ({ agenda }) => armAway(agenda),
    before: async (stage) => {
      near(stage);
      await phase(stage, 'rewrapping');
    },
    only: /^(enterPhase|noteWaiting|sendAlert|resumeRotation|admit)/,
    play: async (stage) => {
      await phase(stage, 'needs-attention');
      await rest(stage);
      await stage.simulation.runUntil(() => stage.simulation.agenda.now > armIsBack);
      await stage.person.command('resume', newest(stage));
      await rest(stage);
    },
  },
  {
    name: 'abandoned',
    said: 'The same, and an operator gives the run up.',
    given: { records: 2, targets: ['dps', 'dataKeys'], key: { faultDeadline: 'PT10M', alertAfter: 'PT2M' } },
    accidents: ({ agenda }) => armAway(agenda),
    before: async (stage) => {
      near(stage);
      await phase(stage, 'needs-attention');
      await rest(stage);
      await stage.simulation.runUntil(() => stage.simulation.agenda.now > armIsBack);
    },
    play: async (stage) => {
      await stage.person.command('abandon', newest(stage));
      await rest(stage);
    },
  },
  {
    name: 'run lost',
    said: 'The durable task hub is lost while a rotation moves: the sweep takes the claim over, and another instance goes on from the ledger.',
    given: small,
    before: async (stage) => {
      near(stage);
      await stage.simulation.runUntil(() => stage.simulation.standing['iotHub']?.[0] !== `${kek}/${v1}`);
      stage.simulation.engine.forgetAll();
    },
    only: /^(sweep|admit)/,
    play: async (stage) => {
      await phase(stage, 'completed');
      await rest(stage);
    },
  },
  {
    name: 'end lost',
    said: 'The durable task hub is lost between the end of a rotation and the word about it: the sweep tells of it.',
    given: onlyKeys,
    before: async (stage) => {
      near(stage);
      await stage.simulation.runUntil(() => (stage.simulation.cloud.ledger.look(kek).claim?.untold ?? []).length > 0);
      stage.simulation.engine.forgetAll();
    },
    only: /^sweep/,
    play: rest,
  },
  {
    name: 'retirement refused',
    said: 'A data key was wrapped with the previous version meanwhile: its retirement is refused, which is told once, and tried again.',
    given: onlyKeys,
    before: async (stage) => {
      const { store } = stage.simulation.cloud;
      const [first] = store.all();
      await rotate(stage);
      if (first !== undefined) store.ownerPuts(first);
    },
    only: /^(beginRetirement|proveIdle|endRetirement|sendAlert|sweep)/,
    play: async (stage) => {
      const { cloud } = stage.simulation;
      await stage.simulation.runUntil(() => cloud.ledger.look(kek).retirements.at(-1)?.status === 'refused', {
        hours: 24 * 30,
      });
      await rest(stage);
    },
  },
  {
    name: 'history cut',
    said: 'Somebody has cut the newest records off the audit log: the nightly verification tells of it, and the next record begins a new chain.',
    given: onlyKeys,
    before: async (stage) => {
      await rotate(stage);
      stage.simulation.cloud.auditLog.stored(kek).splice(-3);
    },
    tampered: true,
    only: /^verifyHistories/,
    play: async (stage) => {
      await stage.simulation.tick('verifyHistories');
      // A timer that was killed comes again the next night.
      await stage.simulation.tick('verifyHistories');
      await rest(stage);
    },
  },
  {
    name: 'history not signed',
    said: 'The key that signs the history is out of reach since a rotation ended: after an hour the sweep tells of it.',
    given: { ...onlyKeys, seals: true },
    before: async (stage) => {
      stage.simulation.cloud.sealing.signer.interfere.failAlways('current');
      await rotate(stage);
    },
    only: /^sweep/,
    play: async (stage) => {
      // One round finds it, one after an hour tells of it, and one more makes up for whichever was killed.
      for (let round = 0; round < 3; round++) {
        stage.simulation.agenda.pass(61 * minute);
        await stage.simulation.tick('sweep');
        await rest(stage);
      }
    },
  },
];

const armIsBack = Date.parse('2026-11-22T12:25:00Z');

const armAway =
  (agenda: { readonly now: number }): ReturnType<NonNullable<Run['accidents']>> =>
  async (call, go) => {
    const isArm = call.port === 'resourceManager' && [hubId, dpsId].includes(String(call.args[0]));
    if (isArm && call.method === 'put' && agenda.now < armIsBack - minute)
      throw new FaultError('unavailable', 'ARM is away.');
    return go();
  };
