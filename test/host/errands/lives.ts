import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Chance } from '../../survival/chance';
import { HostProcess } from '../host-process';

/** What was on disk when a life of the host had ended. */
export interface Remains {
  /** Keys of the activities whose results were not committed: these, and no others, may run again. */
  readonly uncommitted: ReadonlySet<string>;
  /** Instances that had not ended. */
  readonly inFlight: number;
  readonly from: 'inside' | 'outside' | 'last';
}

/** One life: when it listens, and when it is over and looked at. */
export interface Life {
  readonly up: PromiseWithResolvers<void>;
  readonly over: PromiseWithResolvers<void>;
  readonly isLast: boolean;
}
const newLife = (isLast: boolean): Life => ({
  ...{ up: Promise.withResolvers(), over: Promise.withResolvers(), isLast },
});

/**
 * The lives of one host over one state. All but the last end by SIGKILL: from inside, at a point of the app's code and some turns of
 * the event loop later, or from outside, when the test has had so many answers.
 */
export class Lives {
  readonly host = new HostProcess([], resolve('dist/test/host/apps/errands.js'));
  readonly over: Remains[] = [];
  private readonly chance: Chance;
  private readonly planned: number;
  private answersLeft = Number.POSITIVE_INFINITY;
  private ended = false;
  private current: Life;

  constructor(chance: Chance, kills: number) {
    this.chance = chance;
    this.planned = kills;
    this.current = newLife(kills === 0);
  }

  private get isLast(): boolean {
    return this.over.length >= this.planned;
  }

  /** Resolves when the host can be asked, with that life. */
  async alive(): Promise<Life> {
    for (;;) {
      const life = this.current;
      if (await Promise.race([life.up.promise.then(() => true), life.over.promise.then(() => false)])) return life;
    }
  }

  /**
   * Lives through all of it.
   * @param toDo how many points of the app's code and how many requests are still to come, at least
   */
  async run(toDo: () => { readonly points: number; readonly answers: number }): Promise<void> {
    while (!this.isLast) {
      const { points, answers } = toDo();
      const inside = answers < 1 || this.chance.next() < 0.6;
      const share = 1.6 / (this.planned - this.over.length);
      // Now and then at once, so that what is being taken up from the life before is cut short too.
      const soon = this.chance.next() < 0.15;
      const least = (number: number): number => (soon ? this.chance.between(0, 3) : Math.floor(number * share));
      const at = this.chance.between(0, least(inside ? points : answers));
      await this.live(inside ? { points: at, turns: this.chance.oneOf([0, 0, 0, 1, 2, 5]) } : null, inside ? null : at);
    }
    await this.live(null, null);
  }

  /** Notes an answer of a life, which may have been its last. */
  async answered(life: Life): Promise<void> {
    if (life !== this.current) return;
    this.answersLeft--;
    if (this.answersLeft === 0) await this.kill(life);
  }

  /** Ends a life, unless it is over. */
  async kill(life: Life): Promise<void> {
    if (life !== this.current || this.ended) return;
    await this.host.kill();
  }

  /** Ends the last life, and reads what it leaves. */
  async end(): Promise<void> {
    this.ended = true;
    await this.host.kill();
    this.over.push(this.remains('last'));
  }

  kills(from: 'inside' | 'outside'): number {
    return this.over.filter((remains) => remains.from === from).length;
  }

  /** What is on disk, read from a copy: nobody but the host itself may mend what a kill has left. */
  read<T>(look: (database: DatabaseSync) => T): T {
    const copy = mkdtempSync(join(tmpdir(), 'keyturn-remains-'));
    cpSync(join(this.host.directory, 'state'), copy, { recursive: true });
    const database = new DatabaseSync(join(copy, 'durable.sqlite'));
    try {
      return look(database);
    } finally {
      database.close();
      rmSync(copy, { recursive: true });
    }
  }

  private async live(plan: object | null, answers: number | null): Promise<void> {
    const { host } = this;
    writeFileSync(join(host.directory, 'kill.json'), JSON.stringify({ life: this.over.length, ...plan }));
    this.answersLeft = answers ?? Number.POSITIVE_INFINITY;
    // A plan may end the host before it listens; what that leaves is looked at all the same.
    const listens = await host.start().then(
      () => true,
      (error) => {
        if (host.errors !== '' || plan === null) throw error;
        return false;
      },
    );
    if (listens) this.current.up.resolve();
    if (this.isLast) return;
    if (answers === 0) await this.kill(this.current);
    await host.exited;
    if (host.errors !== '') throw new Error(`The host failed: ${host.errors}`);
    this.over.push(this.remains(plan === null ? 'outside' : 'inside'));
    const { over } = this.current;
    this.current = newLife(this.isLast);
    over.resolve();
  }

  private remains(from: Remains['from']): Remains {
    return this.read((database) => {
      if (database.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'timers'`).get() === undefined) {
        return { uncommitted: new Set(), inFlight: 0, from };
      }
      const inputs = database.prepare('SELECT input FROM activities').all();
      const keys = inputs.map(({ input }) => (JSON.parse(String(input)) as { key: string }).key);
      const live = `SELECT count(*) AS n FROM instances WHERE status IN ('Pending','Running','Suspended')`;
      return { uncommitted: new Set(keys), inFlight: Number(database.prepare(live).get()?.['n']), from };
    });
  }
}
