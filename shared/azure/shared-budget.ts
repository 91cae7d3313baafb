import { FaultError, RefusalError } from '../rotation/errors';
import { type Ask, exchange, limitOf, type PacingAnswer, type Report } from '../rotation/pacing';
import type { Span, VaultBudget, VaultBudgets } from '../rotation/ports';
import { windowMilliseconds } from '../rotation/spending';

export interface PacingClock {
  /** Milliseconds. */
  now(): number;
  /** Calls back once, after so many milliseconds, unless what it answers was called before. */
  after(milliseconds: number, then: () => void): () => void;
}

export interface PacerSettings {
  readonly vaultUrl: string;
  /** Units in ten seconds that all workers may use together. */
  readonly ceiling: number;
  readonly budgets: VaultBudgets;
  readonly clock: PacingClock;
}

/** A row that is not answered for so long counts as out of reach, and is tried again after a while. */
const timeoutMilliseconds = 3000;
const aloneMilliseconds = 5000;
/** While anybody works, the row is written at least this often; a newcomer looks so often whether it is. */
const writtenWithinMilliseconds = 600;
const lookMilliseconds = 20;
/** Each worker writes a few times a second, so that somebody always gets through. */
const mostMeetings = 20;

/** A worker that cannot reach the row. */
interface Alone {
  readonly budget: VaultBudget | null;
  readonly ceiling: number;
  readonly until: number;
  /** What it granted itself, to be told when the row is back. */
  readonly slices: readonly Span[];
}

/** The vault's row, as one worker sees it. */
export class SharedBudget {
  readonly #settings: PacerSettings;
  /** How far the clock that all share is ahead of ours. */
  #ahead = 0;
  #latest = Number.NEGATIVE_INFINITY;
  /** Whether it knows if others work. */
  #met = false;
  #known: VaultBudget | null = null;
  #alone: Alone | null = null;

  constructor(settings: PacerSettings) {
    this.#settings = settings;
  }

  /** Milliseconds, by the clock that all workers share. It never goes back: a grant would wait until its time has come once more. */
  now(): number {
    const shown = this.#settings.clock.now() + this.#ahead;
    if (shown < this.#latest) this.#ahead += this.#latest - shown;
    this.#latest = Math.max(this.#latest, shown);
    return this.#latest;
  }

  /**
   * Without its row, a worker goes on alone with half of what all of them had: standing still would only add a second outage to the
   * first, and a vault that is asked for too much says so.
   */
  async exchange(report: Report, ask: Ask | null): Promise<PacingAnswer> {
    if (this.#alone === null || this.now() >= this.#alone.until) {
      const slices = this.#alone?.slices ?? [];
      const answer = await this.#together({ ...report, charged: [...report.charged, ...slices] }, ask);
      if (answer !== null) {
        this.#alone = null;
        return answer;
      }
      this.#alone = {
        budget: this.#alone?.budget ?? this.#known,
        ceiling: this.#alone?.ceiling ?? limitOf(this.#known, this.#settings.ceiling, this.now()) / 2,
        until: this.now() + aloneMilliseconds,
        slices,
      };
    }
    return this.#byItself(this.#alone, report, ask);
  }

  #byItself(alone: Alone, report: Report, ask: Ask | null): PacingAnswer {
    const { budget, answer } = exchange(alone.budget, alone.ceiling, report, ask, this.now());
    const remembered = alone.slices.filter(({ to }) => to > this.now() - windowMilliseconds);
    this.#alone = { ...alone, budget, slices: answer.kind === 'grant' ? [...remembered, answer.slice] : remembered };
    return answer;
  }

  /** Null if the row is out of reach. */
  async #together(report: Report, ask: Ask | null): Promise<PacingAnswer | null> {
    const { clock } = this.#settings;
    let late = false;
    let cancel: () => void = () => undefined;
    const timeout = new Promise<null>((resolve) => {
      cancel = clock.after(timeoutMilliseconds, () => {
        late = true;
        resolve(null);
      });
    });
    try {
      return await Promise.race([timeout, this.#meet(report, ask, () => late)]);
    } catch (error) {
      if (error instanceof FaultError || error instanceof RefusalError) return null;
      throw error;
    } finally {
      cancel();
    }
  }

  async #meet(report: Report, ask: Ask | null, isLate: () => boolean): Promise<PacingAnswer | null> {
    const { vaultUrl, ceiling, budgets } = this.#settings;
    for (let meeting = 1; meeting <= mostMeetings; meeting++) {
      const { budget, etag } = await this.#read();
      if (isLate()) return null;
      const next = exchange(budget, ceiling, report, ask, this.now());
      if ((await budgets.write(vaultUrl, next.budget, etag)) === 'written') {
        this.#met = true;
        if (!isLate()) this.#known = next.budget;
        return next.answer;
      }
      if (isLate()) return null;
    }
    return null;
  }

  /** Nobody's clock is right, so the fastest is everybody's. */
  async #read(): ReturnType<VaultBudgets['read']> {
    const { vaultUrl, budgets, clock } = this.#settings;
    const read = this.#met ? await budgets.read(vaultUrl) : await this.#meetOthers();
    if (read.budget !== null) this.#ahead = Math.max(this.#ahead, read.budget.writtenAt - clock.now());
    return read;
  }

  /**
   * A newcomer whose clock is fast would take what others have just spent for long past, and one whose clock is slow would spend its
   * slices late. So it looks on for a moment: if anybody works, it sees the row change, and sets its clock by theirs.
   */
  async #meetOthers(): ReturnType<VaultBudgets['read']> {
    const { vaultUrl, budgets, clock } = this.#settings;
    const begun = clock.now();
    // A clock that is set back meanwhile says nothing of how long it was.
    const since = (instant: number): number => Math.abs(clock.now() - instant);
    let read = await budgets.read(vaultUrl);
    const first = read.budget?.writtenAt;
    while (first !== undefined && read.budget?.writtenAt === first && since(begun) < writtenWithinMilliseconds) {
      await new Promise<void>((resolve) => void clock.after(lookMilliseconds, resolve));
      read = await budgets.read(vaultUrl);
    }
    if (first !== undefined && read.budget !== null) {
      if (read.budget.writtenAt !== first) this.#setBy(read.budget.writtenAt);
      this.#met = true;
    }
    return read;
  }

  /** A newcomer has granted nothing yet, so that its clock may be set back as well. */
  #setBy(writtenAt: number): void {
    this.#ahead = writtenAt - this.#settings.clock.now();
    this.#latest = writtenAt;
  }
}
