import { setTimeout as delay } from 'node:timers/promises';
import type { AskedFaults } from './asked-faults';
import type { RecordSource } from './sources';

/** What was read of one target at one time. */
export interface Stock {
  readonly source: RecordSource;
  /** Digest of every record that opened, by id. */
  readonly opened: ReadonlyMap<string, string>;
  /** Why the others did not, by id. */
  readonly failed: ReadonlyMap<string, string>;
}

/** Records of one target before and after: `after` counts those that opened again, unchanged. */
export interface Comparison {
  readonly source: RecordSource;
  readonly total: number;
  readonly before: number;
  readonly after: number;
  /** What is wrong, one sentence a record. */
  readonly problems: readonly string[];
}

const AT_ONCE = 8;

/** Opens every record of a source; with `ids`, exactly those. */
export async function takeStock(source: RecordSource, ids?: readonly string[]): Promise<Stock> {
  const opened = new Map<string, string>();
  const failed = new Map<string, string>();
  const rest = [...(ids ?? (await source.ids()))];
  const worker = async () => {
    for (let id = rest.shift(); id !== undefined; id = rest.shift()) {
      try {
        opened.set(id, await source.open(id));
      } catch (error) {
        failed.set(id, messageOf(error));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { source, opened, failed };
}

/** Reads the same records again and tells which open as they did. */
export async function compare(before: Stock): Promise<Comparison> {
  const ids = [...before.opened.keys(), ...before.failed.keys()];
  const after = await takeStock(before.source, ids);
  const same = [...before.opened].filter(([id, content]) => after.opened.get(id) === content);
  const problems = ids.flatMap((id) => {
    const early = before.failed.get(id);
    const late = after.failed.get(id);
    if (early !== undefined) return [`${id} did not open before: ${early}`];
    if (late !== undefined) return [`${id} does not open any more: ${late}`];
    return after.opened.get(id) === before.opened.get(id) ? [] : [`${id} opens, but to something else than before`];
  });
  return { source: before.source, total: ids.length, before: before.opened.size, after: same.length, problems };
}

export interface ReadCounts {
  opened: number;
  /** Failed while a fault that was asked for lasted. */
  explained: number;
  failed: number;
}

const PAUSE_MILLISECONDS = 200;

/** Reads old records as long as it runs, one of each target in turn: what a user of the data would notice of the rotation. */
export class ContinuousReader {
  readonly counts: ReadCounts = { opened: 0, explained: 0, failed: 0 };
  /** By kind of target. */
  readonly byKind = new Map<string, ReadCounts>();
  readonly problems: string[] = [];
  readonly #stocks: readonly Stock[];
  readonly #faults: AskedFaults;
  readonly #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(stocks: readonly Stock[], faults: AskedFaults) {
    this.#stocks = stocks;
    this.#faults = faults;
    for (const { source } of stocks) this.byKind.set(source.kind, { opened: 0, explained: 0, failed: 0 });
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Ends after the read under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    for (let round = 0; !this.#stop.signal.aborted; round += 1) {
      for (const stock of this.#stocks) await this.#readOne(stock, round);
      await delay(PAUSE_MILLISECONDS, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  async #readOne(stock: Stock, round: number): Promise<void> {
    const ids = [...stock.opened.keys()];
    const id = ids[round % ids.length];
    if (id === undefined) return;
    const from = Date.now();
    try {
      const content = await stock.source.open(id);
      if (content !== stock.opened.get(id)) throw new Error('it opened to something else than before');
      this.#count(stock, 'opened');
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      await this.#faults.refresh().catch(() => {});
      const explained = this.#faults.explains(stock.source.leaning, from, Date.now());
      this.#count(stock, explained ? 'explained' : 'failed');
      if (!explained) this.problems.push(`${stock.source.kind}/${stock.source.name} ${id}: ${messageOf(error)}`);
      return;
    }
    await this.#faults.refresh().catch(() => {});
  }

  #count({ source }: Stock, what: keyof ReadCounts): void {
    this.counts[what] += 1;
    const counts = this.byKind.get(source.kind);
    if (counts !== undefined) counts[what] += 1;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
