import { setTimeout as delay } from 'node:timers/promises';
import type { Need } from './ground';
import { approve, callBack, command, start } from './operator';
import type { Stage } from './stage';

/** How everything may stand once a run is over; which of several it must be is told by the phases that its rotation went through. */
export interface Ending {
  /** Phases that the rotation has entered by now, from the beginning. */
  readonly phases: readonly string[];
  /** Kinds of the alerts that the rotation has raised by now, each once. */
  readonly alerts: readonly string[];
  /** Where every target stands. */
  readonly standsOn: 'previous' | 'next' | 'replacement';
  /** How many versions the key may have: one more is made at most. */
  readonly versions: readonly number[];
  readonly previousEnabled: boolean;
  /** Whether every record keeps its old blob. */
  readonly keepsOldBlobs: boolean;
  /** No old record may open any more: the services were cut off on purpose. */
  readonly cutOff?: true;
}

export interface Run {
  readonly name:
    | 'rotation'
    | 'notice'
    | 'recall'
    | 'rollback'
    | 'retirement'
    | 'adoption'
    | 'replacement'
    | 'revocation'
    | 'restoration';
  /** What must have run before it on the same stage. */
  readonly after: Run | null;
  /** Its points are those of the other run: what sets it apart begins when it is struck. */
  readonly pointsOf?: Run;
  /** Which of the points that it passes are struck; unless set, all but those of the event that tells of its own version. */
  readonly isPoint?: (point: string) => boolean;
  readonly needs?: Need;
  /** Ways in which its points are played. */
  readonly ways: readonly ('before' | 'after' | 'lost')[];
  /**
   * Asks for it, once more if nobody answered: what an operator's tool does.
   * @param struck whether the blow has fallen; always, where there is none
   */
  begin(stage: Stage, struck: () => boolean): Promise<void>;
  /** What a person does who looks at it now and then; not for a run that goes on without one. */
  attend?(stage: Stage): Promise<void>;
  /** Whether it is over; asked only while no instance is alive. */
  isOver(stage: Stage): Promise<boolean>;
  readonly endings: readonly Ending[];
  /** What else must be so. @returns what is not */
  further?(stage: Stage): Promise<readonly string[]>;
}

const everyWay = ['before', 'after', 'lost'] as const;
const LOOK_MILLISECONDS = 20;

const forward = ['planning', 'creating-version', 'rewrapping', 'soaking', 'completed'];
const back = ['rolling-back', 'rolled-back'];

const completed: Ending = {
  phases: forward,
  alerts: ['completed'],
  standsOn: 'next',
  versions: [2],
  previousEnabled: true,
  keepsOldBlobs: true,
};

const untouched = { standsOn: 'previous', previousEnabled: true, keepsOldBlobs: false } as const;

const hasEnded = async (stage: Stage): Promise<boolean> =>
  (await stage.rotation()).endedAt !== null && (await stage.keyView()).running === null;

const rotation: Run = {
  name: 'rotation',
  after: null,
  ways: everyWay,
  begin: (stage) => start(stage, {}),
  isOver: hasEnded,
  endings: [completed],
};

/** A rotation that Key Vault's own notice begins: what is struck is what takes the event. */
const notice: Run = {
  name: 'notice',
  after: null,
  needs: 'events',
  isPoint: (point) => point.includes('/keyEvents/'),
  ways: everyWay,
  async begin(stage) {
    await stage.tellNearExpiry();
    const path = `/api/rotations?key=${encodeURIComponent(stage.key)}`;
    for (;;) {
      const { items } = await stage.ground.app<{ items: readonly { rotationId: string }[] }>(path);
      const [found] = items;
      if (found !== undefined) return stage.follow(found.rotationId);
      await delay(LOOK_MILLISECONDS);
    }
  },
  isOver: hasEnded,
  endings: [completed],
};

/** A rotation that is called back as soon as it was struck, wherever that was: what it had changed by then goes back (I3). */
const recall: Run = {
  name: 'recall',
  after: null,
  pointsOf: rotation,
  ways: ['after'],
  async begin(stage, struck) {
    await start(stage, {});
    while (!struck() && (await stage.rotation()).endedAt === null) await delay(LOOK_MILLISECONDS);
    await callBack(stage);
  },
  isOver: async (stage) => (await stage.rotation()).phase !== 'completed' && (await hasEnded(stage)),
  endings: [
    { ...untouched, phases: ['cancelled'], alerts: [], versions: [1] },
    { ...untouched, phases: ['planning', 'cancelled'], alerts: [], versions: [1] },
    ...[2, 3, 4].map((entered) => ({
      ...{ ...untouched, phases: [...forward.slice(0, entered), ...back], alerts: ['rolled-back'], versions: [1, 2] },
    })),
    { ...untouched, phases: [...forward, ...back], alerts: ['completed', 'rolled-back'], versions: [2] },
  ],
};

const rollback: Run = {
  name: 'rollback',
  after: rotation,
  ways: everyWay,
  begin: (stage) => command(stage, 'rollback'),
  isOver: async (stage) => (await stage.rotation()).phase !== 'completed' && (await hasEnded(stage)),
  endings: [{ ...untouched, phases: [...forward, ...back], alerts: ['completed', 'rolled-back'], versions: [2] }],
};

const retirement: Run = {
  name: 'retirement',
  after: rotation,
  ways: everyWay,
  begin: (stage) => command(stage, 'retire'),
  async isOver(stage) {
    const { pendingRetirement, running } = await stage.keyView();
    const done = pendingRetirement === null || ['refused', 'undone', 'kept'].includes(pendingRetirement.status);
    return done && running === null;
  },
  endings: [{ ...completed, alerts: ['completed', 'retired'], previousEnabled: false, keepsOldBlobs: false }],
};

const adoption: Run = {
  name: 'adoption',
  after: null,
  ways: everyWay,
  begin: (stage) => start(stage, { run: 'adopt', adopt: order }),
  isOver: hasEnded,
  endings: [{ ...untouched, phases: ['planning', 'adopting', 'completed'], alerts: ['adopted'], versions: [1] }],
  async further(stage) {
    const { expiresIn, expiresOn } = await stage.lifetime();
    return expiresIn === order.rotationPolicy.expiresIn && expiresOn === order.expiresOn
      ? []
      : [`the key has an expiry of ${expiresIn}, its version one on ${expiresOn}`];
  },
};

const order = {
  rotationPolicy: { expiresIn: 'P700D', rotatesBeforeExpiry: 'P30D' },
  expiresOn: new Date(Math.floor(Date.now() / 1000 + 600 * 86_400) * 1000).toISOString().replace('.000', ''),
};

const replacement: Run = {
  name: 'replacement',
  after: null,
  needs: 'another key',
  ways: everyWay,
  begin: (stage) => start(stage, { run: 'replace', replacement: stage.replacement }),
  isOver: hasEnded,
  endings: [{ ...completed, alerts: ['replaced'], standsOn: 'replacement', versions: [1] }],
};

const revocation: Run = {
  name: 'revocation',
  after: null,
  needs: 'people',
  ways: everyWay,
  async begin(stage) {
    // From here on nobody is to be able to read.
    await stage.reader.stop();
    await start(stage, { run: 'revoke' });
  },
  attend: approve,
  isOver: hasEnded,
  endings: [
    {
      ...{ ...untouched, phases: ['planning', 'revoking', 'completed'], alerts: ['approval', 'revoked'] },
      ...{ versions: [1], previousEnabled: false, cutOff: true },
    },
  ],
};

const restoration: Run = {
  name: 'restoration',
  after: revocation,
  needs: 'people',
  ways: everyWay,
  begin: (stage) => start(stage, { run: 'restore' }),
  attend: approve,
  isOver: hasEnded,
  endings: [
    {
      ...{ ...untouched, phases: ['planning', 'restoring', 'completed'], alerts: ['approval', 'restored'] },
      versions: [1],
    },
  ],
};

export const runs: readonly Run[] = [
  ...[rotation, rollback, retirement, notice, recall],
  ...[adoption, replacement, revocation, restoration],
];
