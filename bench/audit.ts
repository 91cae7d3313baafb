import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTableAuditLog } from '../shared/azure/table-audit-log';
import type { AuditLog } from '../shared/rotation/ports';
import { verifyKey } from '../shared/rotation/verifying';
import { entryOf, key, writeExport } from './audit/history';
import { OrderedTable } from './audit/ordered-table';
import { type Benchmark, type Figure, percentile } from './figures';

const sizes = [1000, 10_000, 100_000] as const;
const inTheFile = [...sizes, 1_000_000] as const;
const pageOf = 50;
const samples = 200;
const rounds = 3;

const run = promisify(execFile);

interface AtSize {
  readonly size: number;
  readonly append: number;
  readonly page: number;
}

/** Grows one history, and stops at each size to measure. Without a network: what is measured is this app's own work and the SDK's. */
async function growAndMeasure(say: (progress: string) => void): Promise<readonly AtSize[]> {
  const table = new OrderedTable('KeyturnAudit');
  const log = createTableAuditLog({ own: async () => table.client, foreign: () => table.client });
  const measured: AtSize[] = [];
  let records = 0;
  const append = async (): Promise<void> => {
    records += 1;
    await log.append(key, entryOf(records), `${records}`);
  };
  for (const size of sizes) {
    while (records < size) await append();
    const page = await leastOf(async () => percentile(await timed(() => readPage(log, records)), 0.95));
    measured.push({ size, append: await leastOf(async () => percentile(await timed(append), 0.5)), page });
    say(`${size} records`);
  }
  const { ok, records: held } = await verifyKey({ auditLog: log, now: () => new Date() }, key);
  if (!ok || held !== records) throw new Error(`of ${records} records ${held} hold`);
  return measured;
}

/** A page somewhere in the history. */
async function readPage(log: AuditLog, records: number): Promise<void> {
  const place = `r_0001_${String(Math.floor(Math.random() * (records - pageOf))).padStart(12, '0')}`;
  const continuation = Buffer.from(place).toString('base64url');
  const { items } = await log.list(key, { limit: pageOf, continuation });
  if (items.length !== pageOf) throw new Error(`a page of ${items.length} records`);
}

/** Whatever else runs on the machine can only add. */
async function leastOf(measure: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) least = Math.min(least, await measure());
  return least;
}

/** CPU milliseconds of each of many, one after the other, once it is warm: nothing is waited for here, and on a busy machine time tells of its company. */
async function timed(work: () => Promise<void>): Promise<number[]> {
  const taken: number[] = [];
  for (let sample = 0; sample < samples + samples / 4; sample++) {
    const begin = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(begin);
    if (sample >= samples / 4) taken.push((user + system) / 1000);
  }
  return taken;
}

interface Verified {
  readonly size: number;
  readonly rate: number;
  readonly megabytes: number;
}

/** Without a limit the collector waits until there is something worth collecting, and memory tells nothing. */
const smallHeap = '--max-old-space-size=48';

/** In a process of its own, start of the process not counted. */
async function verifyFile(folder: string, size: number): Promise<Verified> {
  const file = join(folder, `${size}.ndjson`);
  await writeExport(file, size);
  const { stdout } = await run(process.execPath, [smallHeap, join(__dirname, 'apps', 'verify-export.js'), file]);
  rmSync(file);
  const { ok, records, cpuSeconds, megabytes } = JSON.parse(stdout);
  if (!ok || records !== size) throw new Error(`of ${size} records ${records} hold`);
  return { size, rate: size / cpuSeconds, megabytes };
}

export const audit: Benchmark = {
  name: 'audit',
  title: `appending to, paging through and verifying a history of ${sizes.join(', ')} records (--full: a million)`,
  async run(say, { full }) {
    const grown = await growAndMeasure(say);
    const folder = mkdtempSync(join(tmpdir(), 'keyturn-bench-audit-'));
    const verified: Verified[] = [];
    try {
      for (const size of full ? inTheFile : sizes) {
        verified.push(await verifyFile(folder, size));
        say(`a file of ${size} records verified`);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    // The first size is read while V8 still compiles.
    const [first, last] = [grown[1], grown.at(-1)];
    const [small, large] = [verified.find(({ size }) => size === 10_000), verified.at(-1)];
    return {
      about: `an ordered table in this process behind the SDK, so without a network; pages of ${pageOf} at random places; files verified without signatures`,
      figures: [
        ...grown.flatMap(({ size, append, page }): Figure[] => [
          { name: `${size} records: append, CPU, median`, value: append, unit: 'ms' },
          { name: `${size} records: page, CPU, p95`, value: page, unit: 'ms' },
        ]),
        {
          name: 'page p95, 100000 records against 10000',
          value: (last?.page ?? Number.NaN) / (first?.page ?? Number.NaN),
          unit: '',
          bar: { atMost: 1.5 },
        },
        ...verified.flatMap(({ size, rate, megabytes }): Figure[] => [
          {
            name: `file of ${size}: verified a second of CPU`,
            value: rate,
            unit: '',
            ...(size >= 100_000 ? { bar: { atLeast: 50_000 } } : {}),
          },
          { name: `file of ${size}: peak memory`, value: megabytes, unit: 'MB' },
        ]),
        {
          name: 'peak memory, largest against 10000',
          value: (large?.megabytes ?? Number.NaN) / (small?.megabytes ?? Number.NaN),
          unit: '',
          bar: { atMost: 1.5 },
        },
      ],
    };
  },
};
