import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bareCommitsPerSecond } from './bare-sqlite';
import type { Benchmark } from './figures';
import { HostUnderTest } from './host-under-test';

const orchestrations = 3000;
const width = 5000;
const rounds = 6;

/** The first round warms the JIT up; of the others the one that was disturbed least says what the host can do. */
const best = (values: readonly number[]): number => Math.max(...values.slice(1));

export const localHost: Benchmark = {
  name: 'local-host',
  title: 'what the local Functions host does in a second, beside bare SQLite commits',
  async run(say) {
    const directory = mkdtempSync(join(tmpdir(), 'keyturn-bench-'));
    const host = await HostUnderTest.start(directory);
    const ones: number[] = [];
    const fans: number[] = [];
    const commits: number[] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        commits.push(bareCommitsPerSecond(mkdtempSync(join(directory, 'bare-'))));
        ones.push(orchestrations / (await host.orchestrations('oneActivity', `one-${round}`, orchestrations)));
        fans.push(width / (await host.one('fanOut', `fan-${round}`, { width })));
        say(
          `round ${round + 1} of ${rounds}: ${Math.round(ones.at(-1) ?? 0)} and ${Math.round(fans.at(-1) ?? 0)} a second`,
        );
      }
    } finally {
      await host.stop();
      rmSync(directory, { recursive: true, force: true });
    }
    const [one, fan, commit] = [best(ones), best(fans), best(commits)];
    return {
      about: `${orchestrations} one-activity orchestrations started over HTTP at once; one orchestration of ${width} activities; best of ${rounds - 1} rounds`,
      figures: [
        { name: 'one-activity orchestrations', value: one, unit: 'a second', bar: { atLeast: 1000 } },
        { name: 'fan-out activities', value: fan, unit: 'a second', bar: { atLeast: 5400 } },
        { name: 'bare SQLite commits', value: commit, unit: 'a second' },
        { name: 'orchestrations for one commit', value: one / commit, unit: '' },
        { name: 'activities for one commit', value: fan / commit, unit: '' },
      ],
    };
  },
};
