import type { Profiler } from 'node:inspector';

/** Share of the CPU samples by where they were taken, the largest first; idle time is left out. */
export type Shares = Readonly<Record<string, number>>;

/** Sums a CPU profile up by package, by Node's own module, or by file of ours. */
export function summary({ nodes, samples = [] }: Profiler.Profile): Shares {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const counts = new Map<string, number>();
  let all = 0;
  for (const id of samples) {
    const place = places.get(id) ?? 'unknown';
    if (place === '(idle)') continue;
    all += 1;
    counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  return sorted([...counts].map(([place, count]) => [place, count / all]));
}

function placeOf({ url, functionName }: Profiler.ProfileNode['callFrame']): string {
  if (url === '') return functionName === '' ? '(native)' : functionName;
  const module = /^node:(?:internal\/)?([^/]+)/.exec(url)?.[1];
  if (module !== undefined) return `node ${module}`;
  const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return name ?? url.replace(/^.*\/dist\//, '').replace(/\.[jt]s$/, '');
}

const kinds: readonly (readonly [kind: string, places: RegExp])[] = [
  ['writing to sockets, TLS with it', /^(write|writev|shutdown|WriteWrap)/],
  ['RSA and digests', /^(publicEncrypt|privateDecrypt|run|digest|update|Hash|Hmac|init|node crypto|RSACipherJob)/],
  ['HTTP, streams and timers of Node', /^(node |execute$|consume$|RegExp: \[\^)/],
  ['Azure SDKs', /^(@azure|@typespec|@azure-rest|uri-templates)/],
  ['Keyturn', /^(shared|functions)\//],
  ['the local host', /^(sandbox\/host|durable-functions|axios)/],
  ['the stand-in', /^sandbox\//],
  ['Azurite', /^(azurite|lokijs|express|router)/],
  ['garbage collection', /^\(garbage collector\)$/],
];

/** The same, in kinds of work. */
export function byKind(shares: Shares): Shares {
  const sums = new Map<string, number>();
  for (const [place, share] of Object.entries(shares)) {
    const kind = kinds.find(([, places]) => places.test(place))?.[0] ?? 'the rest';
    sums.set(kind, (sums.get(kind) ?? 0) + share);
  }
  return sorted([...sums]);
}

const sorted = (shares: readonly (readonly [string, number])[]): Shares =>
  Object.fromEntries(shares.toSorted(([, a], [, b]) => b - a));
