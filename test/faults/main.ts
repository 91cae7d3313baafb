import { parseArgs } from 'node:util';
import { kek } from '../simulation/cloud';
import type { Simulation } from '../simulation/simulation';
import { report, search } from './search';
import type { Tally } from './tally';
import { playWholeStack } from './whole-stack';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string' },
    path: { type: 'string' },
    /** After so many no other schedule is begun. */
    seconds: { type: 'string' },
    /** So many small ones over the app in its host, instead of many in virtual time. */
    'whole-stack': { type: 'string' },
    /** With a path: everything that happened. */
    tell: { type: 'boolean', default: false },
    /** One JSON object as the last line. */
    json: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
  const runs = Number(values.seeds);
  if (values['whole-stack'] !== undefined) return wholeStack(seed, Number(values['whole-stack']));
  const began = performance.now();
  const progress = process.stderr.isTTY
    ? ({ schedules }: { schedules: number }) => void process.stderr.write(`\r${schedules} of ${runs} `)
    : undefined;
  const sought = {
    ...{ seed, runs },
    ...(values.path === undefined ? {} : { path: values.path }),
    ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
  };
  const { tally, found } = await search({
    ...sought,
    ...(progress === undefined ? {} : { progress }),
    ...(values.tell ? { look: tell } : {}),
  });
  const seconds = (performance.now() - began) / 1000;
  for (const line of tally.lines) console.log(line);
  console.log(
    `seed ${seed}: ${tally.schedules} schedules in ${seconds.toFixed(1)} s, ${(tally.schedules / seconds).toFixed(1)} a second`,
  );
  if (found !== null) {
    console.log(report(found));
    process.exitCode = 1;
  } else if (values.path === undefined && tally.missed.length > 0) {
    console.log(`reached by none: ${tally.missed.join(', ')}`);
    process.exitCode = 1;
  }
  if (values.json) console.log(JSON.stringify({ seed, ...summary(tally), seconds: Math.round(seconds), found }));
}

async function wholeStack(seed: number, count: number): Promise<void> {
  const began = performance.now();
  const all = await playWholeStack({ seed, count }, ({ told, phase, problems }) => {
    console.log(`${phase}: ${told}`);
    for (const problem of problems) console.log(`  wrong: ${problem}`);
  });
  const seconds = (performance.now() - began) / 1000;
  const wrong = all.flatMap(({ problems }) => problems);
  console.log(
    `seed ${seed}: ${all.length} schedules over the whole stack in ${seconds.toFixed(0)} s, ${wrong.length} wrong`,
  );
  if (values.json) console.log(JSON.stringify({ seed, schedules: all.length, seconds: Math.round(seconds), wrong }));
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

/** What the schedules reached, by how many, and what none of them did. */
const summary = (tally: Tally) => ({
  schedules: tally.schedules,
  stages: Object.fromEntries(tally.of('stages')),
  outcomes: Object.fromEntries(tally.of('outcomes')),
  faults: Object.fromEntries(tally.of('faults')),
  missed: tally.missed,
});

/** Effects, the history, and what became of the rotations. */
function tell({ rotations, judge, cloud, logged }: Simulation): void {
  for (const { at, by, what } of judge.effects) console.log(at, by, what);
  for (const { at, action, target, outcome, message } of cloud.auditLog.stored(kek)) {
    console.log(at, action, target, outcome, message);
  }
  for (const line of logged) console.log(line);
  console.log(JSON.stringify(rotations, null, 2));
}

void main();
