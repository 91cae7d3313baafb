import { env } from 'node:process';
import type * as Executor from './executor';
import type * as Recordings from './recordings';
import type * as Roads from './roads';
import { CodeWatch } from './walked-code';

/**
 * Histories of finished executions, as they lie in a task hub. Azure replays the history of every run in flight with the code that is
 * deployed now. What to do when a test here fails is said by the test, and by CONTRIBUTING.md under "Changing an orchestrator".
 */
const stories = new CodeWatch((path) => /dist\/functions\/(?:orchestrators\/[\w-]+|durable)\.js$/.test(path));
let recordings: typeof Recordings;
let roads: typeof Roads.roads;

beforeAll(async () => {
  // V8 counts in code that it compiles from here on.
  await stories.start();
  recordings = require('./recordings');
  ({ roads } = require('./roads'));
  // biome-ignore lint/style/noProcessEnv: a switch of this test alone, not a setting of the app
  if (env['RECORD_HISTORIES'] !== '1') return;
  const known = recordings.recordedNames();
  for (const [name, road] of Object.entries(roads)) if (!known.includes(name)) await recordings.record(name, road);
});
afterAll(() => stories.stop());

test('every road that is recorded here has its recording', () => {
  const recorded = recordings.recordedNames();
  expect(Object.keys(roads).filter((name) => !recorded.includes(name))).toEqual([]);
});

test('every orchestrator that is registered has recordings', () => {
  const { orchestrators }: typeof Executor = require('./executor');
  const recorded = recordings.recordedNames().map((name) => recordings.recordingOf(name).orchestrator);
  expect(Object.keys(orchestrators).filter((name) => !recorded.includes(name))).toEqual([]);
});

test('a road that is not recorded is noticed, by what is done on it', async () => {
  const { recordedNames, recordingOf, replayRecorded } = recordings;
  const others = recordedNames().filter((name) => !name.startsWith('retirement-refusal-told-of'));
  for (const name of others) await replayRecorded(name, recordingOf(name));
  const unwalked = (await stories.unwalked()).map(({ code }) => code);
  expect(unwalked).toEqual([expect.stringContaining("'retirement-refused'")]);
});

test('every recorded run replays with the code of today, and together they walk every road of every story', async () => {
  const { recordedNames, recordingOf, replayRecorded } = recordings;
  for (const name of recordedNames()) await replayRecorded(name, recordingOf(name));
  const unwalked = await stories.unwalked();
  // Add a road that goes there to test/orchestration/roads-of-*.ts, and RECORD_HISTORIES=1 npm test -- recorded-histories.
  expect(unwalked.map(({ file, function: within, code }) => `${file}, ${within}: ${code}`)).toEqual([]);
});
