import type { Wanted } from './judgement';
import { killAgainAndAgain } from './kills';
import { ownerAtWork } from './owner-at-work';
import { endTokens, loseAnswers, refuseStorage } from './storms';
import type { Trial } from './trial';

/** How much there is to survive. */
export interface Size {
  readonly records: number;
  /** How often the app is killed, where it is. */
  readonly kills: number;
}

/** One thing that must be survived. */
export interface Ordeal {
  /** Also the name of its vault and table. */
  readonly name: string;
  /** Ends the sentence "a move of data keys survives …". */
  readonly what: string;
  readonly seed: number;
  /**
   * Who may stand on the same ground meanwhile: nobody, since the app is killed; those that keep to their own vault and table; those whose
   * trouble others meet too, since storage and tokens are everybody's.
   */
  readonly company: 'nobody' | 'quiet' | 'loud';
  readonly quick: Size;
  readonly whole: Size;
  /** Has it happen; yields, at each moment that is to be looked at, how everything must stand. */
  undergo(trial: Trial, size: Size): AsyncGenerator<Wanted>;
}

const moved = [
  { action: 'rewrap', outcome: 'intended' },
  { action: 'rewrap', outcome: 'done' },
  { action: 'verify', outcome: 'done' },
  { action: 'phase', outcome: 'done', text: /completed/ },
] as const;

/** All on the next version, and the history says so. */
async function completes(trial: Trial): Promise<Wanted> {
  await trial.ended();
  return { phases: ['completed'], versions: [trial.nextVersion], told: moved };
}

/** More unwraps than the plan and the choice of a version take. */
const BEFORE_THE_MOVE = 25;

const unwrapping = { standIn: 'keyVault', operation: 'unwrapKey', principal: 'keyturn' } as const;
const throttled = (headers: Record<string, string>) => ({ kind: 'status', status: 429, headers }) as const;

export const ordeals: readonly Ordeal[] = [
  {
    name: 'killed',
    what: 'being killed at random',
    seed: 20_261,
    company: 'nobody',
    quick: { records: 400, kills: 2 },
    whole: { records: 10_000, kills: 50 },
    async *undergo(trial, { records, kills }) {
      await trial.begin();
      await killAgainAndAgain(trial, kills, Math.ceil((0.4 * records) / kills));
      yield await completes(trial);
    },
  },
  {
    name: 'throttled',
    what: 'storms of 429',
    seed: 429,
    company: 'quiet',
    quick: { records: 150, kills: 0 },
    whole: { records: 10_000, kills: 0 },
    async *undergo(trial, { records }) {
      const { ground, name } = trial;
      const some = Math.ceil(records / 10);
      await ground.fault({ ...unwrapping, name, skip: some, times: 6, effect: throttled({ 'Retry-After': '1' }) });
      await ground.fault({ ...unwrapping, name, skip: 3 * some, times: 4, effect: throttled({}) });
      if (records >= 1000) {
        const quota = (limits: object) => () => ground.control(`/vaults/${name}/quota`, limits);
        void trial.whenReached(2 * some, quota({ rsa2048: 1000, retryAfterSeconds: 2 }));
        void trial.whenReached(5 * some, quota({ rsa2048: 400 }));
        void trial.whenReached(6 * some, () =>
          ground.wire.ask(`${ground.cloud.control}/vaults/${name}/quota`, { method: 'DELETE' }),
        );
      }
      await trial.begin();
      yield await completes(trial);
    },
  },
  {
    name: 'falsified',
    what: 'wrong bytes from an unwrap',
    seed: 428,
    company: 'quiet',
    quick: { records: 150, kills: 0 },
    whole: { records: 10_000, kills: 0 },
    async *undergo(trial, { records }) {
      const { ground, name, chance } = trial;
      const effect = { kind: 'wrongBytes' } as const;
      await ground.fault({
        ...unwrapping,
        name,
        // Not before the move has begun: a key that does not open when the plan looks is refused there.
        skip: BEFORE_THE_MOVE,
        share: 0.02,
        times: Math.ceil(records / 30),
        seed: chance.seed,
        // A data key without check value that is falsified alike twice is lost on everybody.
        oncePerBlob: true,
        effect,
      });
      await trial.begin();
      await trial.ended();
      const text = /check-value-mismatch|unwraps-disagree|round-trip-mismatch|did not open|two unwraps/;
      yield {
        phases: ['rolled-back'],
        versions: [trial.previousVersion],
        told: [
          { action: 'phase', text },
          { action: 'put-back', outcome: 'done' },
          { action: 'phase', text: /rolled-back/ },
        ],
      };
    },
  },
  {
    name: 'contested',
    what: 'an owner who deletes, replaces, touches and adds keys under its hands',
    seed: 412,
    company: 'quiet',
    quick: { records: 150, kills: 0 },
    whole: { records: 10_000, kills: 0 },
    async *undergo(trial) {
      const rested = ownerAtWork(trial, 0.1);
      await trial.begin();
      yield await completes(trial);
      rested();
    },
  },
  {
    name: 'disabled',
    what: 'the old version being disabled under its feet, until somebody enables it again',
    seed: 403,
    company: 'quiet',
    quick: { records: 150, kills: 0 },
    whole: { records: 10_000, kills: 0 },
    async *undergo(trial, { records }) {
      const disabled = trial.whenReached(trial.chance.between(1, records / 3), () =>
        trial.ground.setEnabled(trial.previousKid, false),
      );
      await trial.begin();
      await disabled;
      await trial.ended();
      yield {
        phases: ['needs-attention'],
        versions: [trial.previousVersion, trial.nextVersion],
        told: [
          { action: 'rewrap', outcome: 'intended' },
          { action: 'phase', text: /needs-attention.*KeyDisabled/ },
        ],
      };
      await trial.ground.setEnabled(trial.previousKid, true);
      await trial.goOn('resume');
      await trial.ended();
      yield {
        phases: ['rolled-back'],
        versions: [trial.previousVersion],
        told: [
          { action: 'put-back', outcome: 'done' },
          { action: 'verify-back', outcome: 'done' },
        ],
      };
    },
  },
  {
    name: 'unheard',
    what: 'one call in twenty that did its work and lost its answer',
    seed: 5,
    company: 'loud',
    quick: { records: 150, kills: 0 },
    whole: { records: 10_000, kills: 0 },
    async *undergo(trial) {
      const { ground, name, chance } = trial;
      const lost = { kind: 'lostAnswer' } as const;
      await ground.fault({
        standIn: 'keyVault',
        name,
        principal: 'keyturn',
        share: 0.05,
        seed: chance.seed,
        effect: lost,
      });
      const heard = loseAnswers(trial, 0.05);
      await trial.begin();
      yield await completes(trial);
      heard();
    },
  },
  {
    name: 'signedout',
    what: 'tokens that expire in the middle of a page',
    seed: 401,
    company: 'loud',
    quick: { records: 150, kills: 0 },
    whole: { records: 10_000, kills: 0 },
    async *undergo(trial, { records }) {
      const ended = endTokens(trial, Math.ceil(records / 4));
      await trial.begin();
      yield await completes(trial);
      ended();
    },
  },
  {
    name: 'refused',
    what: 'a storage that answers 503',
    seed: 503,
    company: 'loud',
    quick: { records: 150, kills: 0 },
    whole: { records: 10_000, kills: 0 },
    async *undergo(trial, { records }) {
      const calm = refuseStorage(trial, { share: 0.05, from: Math.ceil(records / 3), burst: 30 });
      await trial.begin();
      yield await completes(trial);
      calm();
    },
  },
];
