import { RefusalError } from '../../shared/rotation/errors';
import type { Edge } from '../edges/with-edges';
import { kek, otherKey, v1 } from '../simulation/cloud';
import type { Given, Simulation } from '../simulation/simulation';
import type { Person } from './person';

export interface Stage {
  readonly simulation: Simulation;
  readonly person: Person;
}

/** A run whose every effect is a point. */
export interface Run {
  readonly name: string;
  /** What happens in it. */
  readonly said: string;
  readonly given: Given;
  /** Accidents that belong to it. */
  readonly accidents?: (simulation: Simulation) => Edge;
  /** What has happened before: nothing of it is a point. */
  readonly before?: (stage: Stage) => Promise<void>;
  /** Somebody has tampered with the history, which does not verify. */
  readonly tampered?: true;
  /** Which effects are points, where most of them are another run's already: `activity/port.method`. All unless told. */
  readonly only?: RegExp;
  /** From the first effect on. Ends when nothing goes on by itself any more. */
  readonly play: (stage: Stage) => Promise<void>;
}

export const small: Given = { records: 3, targets: ['iotHub', 'dps', 'dataKeys'] };
const unknownAccess = { acceptUnknown: ['identity-may-use-key', 'network-allows'] };

export const near = ({ simulation }: Stage): string => simulation.deliver('KeyNearExpiry', `${kek}/${v1}`);
export const rest = async ({ simulation }: Stage): Promise<void> => {
  if (!(await simulation.settle())) throw new Error('It does not come to rest.');
};
/** Waits until the newest rotation is in a phase, or has ended otherwise. */
export const phase = async ({ simulation }: Stage, ...wanted: readonly string[]): Promise<void> => {
  await simulation.runUntil(() => wanted.includes(simulation.rotations.at(-1)?.phase ?? ''));
};
export const rotate = async (stage: Stage): Promise<void> => {
  near(stage);
  await rest(stage);
};
export const newest = ({ simulation }: Stage): string => simulation.rotations.at(-1)?.rotationId ?? '';
const retired = async (stage: Stage): Promise<void> => {
  const status = () => stage.simulation.cloud.ledger.look(kek).retirements.at(-1)?.status ?? '';
  await stage.simulation.runUntil(() => ['retired', 'undone', 'refused'].includes(status()));
  await rest(stage);
};

/** The approver looks at the plan, and approves what he has seen. */
export const approve = async (stage: Stage, id: string): Promise<void> => {
  const { simulation, person } = stage;
  const rotation = () => simulation.rotations.find(({ rotationId }) => rotationId === id);
  await simulation.runUntil(() => rotation()?.waitingFor === 'approval');
  await person.command('approve', id, { planHash: rotation()?.planHash }, 'bob');
};

/** A key as it is without anybody's care. */
export const bare = async ({ simulation }: Stage): Promise<void> => {
  simulation.cloud.vault.setPolicy({});
  simulation.cloud.vault.change(v1, { expiresOn: null });
};

export const runs: readonly Run[] = [
  {
    name: 'rotation',
    said: 'Key Vault tells that a version is near its expiry; hub, DPS and data keys move to a new one.',
    given: small,
    play: rotate,
  },
  {
    name: 'signed rotation',
    said: 'The same where a key signs the history. Its points: signed heads and anchors.',
    given: { records: 2, targets: ['dataKeys'], seals: true },
    only: /sealing|keepSeal/,
    play: rotate,
  },
  {
    name: 'rollback',
    said: 'An operator calls a rotation back while it soaks.',
    given: small,
    before: async (stage) => {
      near(stage);
      await phase(stage, 'soaking');
    },
    play: async (stage) => {
      await stage.person.command('rollback', newest(stage));
      await rest(stage);
    },
  },
  {
    name: 'rollback when completed',
    said: 'An operator takes a completed rotation back before its retirement.',
    given: { records: 2, targets: ['dps', 'dataKeys'] },
    before: rotate,
    play: async (stage) => {
      await stage.person.command('rollback', newest(stage));
      await rest(stage);
    },
  },
  {
    name: 'retirement',
    said: 'The grace period is over: the sweep begins the retirement, the old version is disabled and watched, and old blobs are forgotten.',
    given: small,
    before: rotate,
    play: retired,
  },
  {
    name: 'retirement by hand',
    said: 'An operator does not wait for the grace period.',
    given: small,
    only: /^retireRotation/,
    before: rotate,
    play: async (stage) => {
      await stage.person.command('retire', newest(stage));
      await retired(stage);
    },
  },
  {
    name: 'retirement undone',
    said: 'A probe turns red while the disabled version is watched: it is enabled again at once.',
    given: small,
    only: /^(?!sweep|beginRetirement|proveIdle)/,
    accidents:
      ({ cloud }) =>
      async (call, go) => {
        const { retirements } = cloud.ledger.look(kek);
        const isWatched = retirements.some(({ status }) => status === 'watching');
        if (call.port !== 'dataPlane' || !isWatched) return go();
        return { answer: 'unreadable', message: 'The service answered 403.' } as never;
      },
    before: rotate,
    play: retired,
  },
  {
    name: 'adopt',
    said: 'A key gets a rotation policy and an expiry that it did not have.',
    given: { records: 1, targets: ['dataKeys'] },
    before: bare,
    play: async (stage) => {
      await stage.person.start(adoption);
      await rest(stage);
    },
  },
  {
    name: 'adopt undone',
    said: 'The vault refuses the expiry, so that the policy is put back.',
    given: { records: 1, targets: ['dataKeys'] },
    accidents: () => async (call, go) => {
      if (call.method === 'setExpiry' && call.args[1] !== null) throw new RefusalError('key-vault-refused', 'No.');
      return go();
    },
    before: bare,
    play: async (stage) => {
      await stage.person.start(adoption);
      await rest(stage);
    },
  },
  {
    name: 'replace',
    said: 'A compromised key is replaced by one of another vault.',
    given: { records: 2, targets: ['dps', 'dataKeys'], replaceable: true, key: unknownAccess },
    before: async ({ simulation }) => {
      simulation.cloud.otherVault.addVersion();
    },
    play: async (stage) => {
      await stage.person.start({ key: kek, run: 'replace', replacement: otherKey });
      await rest(stage);
    },
  },
  {
    name: 'revoke',
    said: 'The services are cut off on purpose, after a second person has approved it.',
    given: { records: 1, targets: ['dps', 'dataKeys'], signIn: true },
    play: async (stage) => {
      const id = await stage.person.start({ key: kek, run: 'revoke' });
      await approve(stage, id);
      await rest(stage);
    },
  },
  {
    name: 'restore',
    said: 'What was revoked is given back.',
    given: { records: 1, targets: ['dps', 'dataKeys'], signIn: true },
    before: async (stage) => {
      const id = await stage.person.start({ key: kek, run: 'revoke' });
      await approve(stage, id);
      await rest(stage);
    },
    play: async (stage) => {
      const id = await stage.person.start({ key: kek, run: 'restore' });
      await approve(stage, id);
      await rest(stage);
    },
  },
];

const adoption = {
  key: kek,
  run: 'adopt',
  adopt: {
    rotationPolicy: { expiresIn: 'P90D', rotatesBeforeExpiry: 'P30D' },
    expiresOn: '2027-06-01T00:00:00Z',
  },
};
