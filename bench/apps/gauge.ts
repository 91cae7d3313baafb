import { createServer } from 'node:http';
import { type Profiler, Session } from 'node:inspector/promises';
import { summary } from '../rewrap/profile';

/**
 * Loaded into a process before everything else: tells whoever asks on `GAUGE_PORT` what the process has used, and with
 * `POST /profile` and `DELETE /profile` where its CPU time goes. It looks at nothing that the process does.
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
  const answer = { POST: startProfile, DELETE: stopProfile }[request.method ?? ''] ?? (async () => used());
  void answer().then((body) => response.end(JSON.stringify(body)));
});
server.listen(Number(port), '127.0.0.1').unref();
