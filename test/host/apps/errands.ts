import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as df from 'durable-functions';
import { errand } from '../errands/execution';

/**
 * The app of the test with random kills: one orchestration that does whatever its input lists and counts it. Each run of an
 * activity is a line in `journal.txt`, each life of the host a line `life` with its number. `kill.json` says at which point this life ends: after so
 * many points have been passed and so many turns of the event loop.
 */

// biome-ignore lint/style/noProcessEnv: a test app reads its one setting where it needs it
const directory = process.env['JOURNAL_DIRECTORY'] ?? '.';
const write = (line: string): void => appendFileSync(join(directory, 'journal.txt'), `${line}\n`);

interface KillPlan {
  readonly life: number;
  readonly points?: number;
  readonly turns?: number;
}
const { life, points, turns = 0 } = JSON.parse(readFileSync(join(directory, 'kill.json'), 'utf8')) as KillPlan;
let passed = 0;

function dieIn(left: number): void {
  if (left === 0) process.kill(process.pid, 'SIGKILL');
  else setImmediate(() => dieIn(left - 1));
}
function pass(): void {
  if (passed++ === points) dieIn(turns);
}

write(`life ${life}`);
pass();

df.app.activity('count', {
  handler: ({ key }: { key: string }) => {
    pass();
    write(key);
    pass();
    return { key };
  },
});
df.app.activity('fail', {
  handler: ({ key }: { key: string }) => {
    write(key);
    pass();
    throw new Error(`${key} fails`);
  },
});
/** On disk too: an attempt that is made again after a kill must not find the count at its beginning. */
const attemptsFile = join(directory, 'attempts.txt');
const attempts = new Map<string, number>();
const attempted = (key: string): number => {
  const count = (attempts.get(key) ?? 0) + 1;
  attempts.set(key, count);
  return count;
};
if (existsSync(attemptsFile)) for (const key of readFileSync(attemptsFile, 'utf8').split('\n')) attempted(key);
df.app.activity('failFirst', {
  handler: ({ key, failures }: { key: string; failures: number }) => {
    appendFileSync(attemptsFile, `${key}\n`);
    const attempt = attempted(key);
    pass();
    if (attempt <= failures) throw new Error(`${key} fails for now`);
    write(key);
    pass();
    return { key };
  },
});

df.app.orchestration('errand', function* (context) {
  pass();
  return yield* errand(context);
});
