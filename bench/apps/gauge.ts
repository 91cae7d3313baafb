import { readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { type Profiler, Session } from 'node:inspector/promises';
import { summary } from '../rewrap/profile';

/**
 * Loaded into a process before everything else: tells whoever asks on `GAUGE_PORT` what the process has used, with `PUT` what it
 * still holds once all that can be collected is, and with `POST` and `DELETE` where its CPU time goes. It looks at nothing that the
 * process does.
 */

/** CPU time since the process began; memory resident now, and at most so far. */
export interface Used {
  readonly cpuMilliseconds: number;
  readonly residentBytes: number;
  readonly peakResidentBytes: number;
}

function used(): Used {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return {
    cpuMilliseconds: (userCPUTime + systemCPUTime) / 1000,
    residentBytes: process.memoryUsage.rss(),
    peakResidentBytes: maxRSS * 1024,
  };
}

/** What a process holds; bytes of the heap and outside it are those that a full collection leaves. */
export interface Held {
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly residentBytes: number;
  /** File descriptors, and those of them that are sockets, idle ones too; NaN where the system does not tell. */
  readonly descriptors: number;
  readonly sockets: number;
  readonly timers: number;
}

/** Twice: what the first collection lets go of through weak references and finalizers, the second one finds. */
async function held(): Promise<Held> {
  const collector = new Session();
  collector.connect();
  await collector.post('HeapProfiler.collectGarbage');
  await collector.post('HeapProfiler.collectGarbage');
  collector.disconnect();
  const { heapUsed, external, rss } = process.memoryUsage();
  const timers = process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
  return { heapBytes: heapUsed, externalBytes: external, residentBytes: rss, ...openFiles(), timers };
}

const descriptorFolder = '/proc/self/fd';

function openFiles(): { readonly descriptors: number; readonly sockets: number } {
  try {
    const open = readdirSync(descriptorFolder);
    return { descriptors: open.length, sockets: open.filter(isSocket).length };
  } catch {
    return { descriptors: Number.NaN, sockets: Number.NaN };
  }
}

function isSocket(descriptor: string): boolean {
  try {
    return readlinkSync(`${descriptorFolder}/${descriptor}`).startsWith('socket:');
  } catch {
    return false; // that by which the folder was read, closed since
  }
}

let session: Session | undefined;

async function startProfile(): Promise<object> {
  session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 1000 });
  await session.post('Profiler.start');
  return {};
}

async function stopProfile(): Promise<object> {
  if (session === undefined) return {};
  const { profile } = (await session.post('Profiler.stop')) as { profile: Profiler.Profile };
  session.disconnect();
  session = undefined;
  return summary(profile);
}

// biome-ignore lint/style/noProcessEnv: it has no other way to be told
const { GAUGE_PORT: port = '' } = process.env;
const server = createServer((request, response) => {
  const answer = { POST: startProfile, DELETE: stopProfile, PUT: held }[request.method ?? ''] ?? (async () => used());
  void answer().then((body) => response.end(JSON.stringify(body)));
});
server.listen(Number(port), '127.0.0.1').unref();
