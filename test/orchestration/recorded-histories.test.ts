import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { wakeUp } from '../../functions/durable';
import { moveDataKeysName } from '../../functions/orchestrators/move-data-keys';
import type { HistoryEvent } from '../../sandbox/host/engine/history';
import { replayFinished } from './executor';
import { type Play, play } from './harness';
import {
  fault,
  interrupted,
  key,
  ok,
  paused,
  planOf,
  policy,
  probes,
  refusal,
  request,
  retirement,
  stopped,
  usual,
} from './script';

/**
 * Histories of finished runs, as they lie in a task hub. Azure replays the history of every run in flight with the code that is
 * deployed now; where that code takes its steps otherwise, the run fails as non-deterministic.
 *
 * When a test here fails, an orchestrator has changed its road. Do not record again and go on. First make it safe:
 * 1. Keep the old generator, registered under its old name, for as long as a run may last (soak, fault and operation deadlines).
 * 2. Register the changed one under a new name (`rotateKey2`), and start new runs under that.
 * 3. Record its histories beside the old ones: `RECORD_HISTORIES=1 npm test -- recorded-histories` adds what is missing and
 *    overwrites nothing. The old ones go when their generator goes.
 * While nothing has been deployed yet, delete test/golden/histories and record again. So it was done when approval, the policy's
 * wait, the way back made sure and the retirement came, and when data keys came to move in stretches: no orchestrator of before had
 * ever been released.
 */
const folder = join(process.cwd(), 'test/golden/histories');

interface Recorded {
  readonly orchestrator: string;
  readonly output: unknown;
  readonly history: readonly HistoryEvent[];
}

const watched = { policy: { watchSeconds: 1800 } };
const otherKey = 'https://kv-new.vault.azure.net/keys/kek-2';
const short = { policy: { soakSeconds: 1200 } };
const plays: Readonly<Record<string, Play>> = {
  completed: { input: request, script: usual({}, short) },
  'completed-after-faults-and-an-operation': {
    input: request,
    script: usual(
      {
        chooseVersion: (_, call) => (call <= 3 ? fault() : undefined),
        moveTarget: ({ target }) => (target === 1 ? ok({ state: 'pending', retryAfterSeconds: 15 }) : undefined),
        checkMove: (_, call) => (call === 1 ? ok({ state: 'pending', retryAfterSeconds: 15 }) : undefined),
      },
      short,
    ),
  },
  'rolled-back-when-dps-refused': {
    input: request,
    script: usual({
      moveTarget: ({ target, direction }) =>
        target === 1 && direction === 'forward' ? refusal('dps-refuses') : undefined,
    }),
  },
  'rolled-back-by-an-operator-while-soaking': {
    input: request,
    script: usual({ probeTargets: (_, call) => (call === 2 ? interrupted : undefined) }, short),
    raise: [{ name: wakeUp, atSeconds: 900 }],
  },
  'needs-attention-past-a-deadline': { input: request, script: usual({ beginSoak: () => fault() }, short) },
  skipped: { input: request, script: usual({ makePlan: () => ok({ decision: 'skip', reasons: [] }) }) },
  resumed: {
    input: { ...request, cause: { kind: 'resume', command: 'resume' } },
    script: usual({}, { ...short, known: planOf() }),
  },
  'completed-after-approval-policy-and-pause': {
    input: request,
    script: usual(
      {
        makePlan: (_, call) => (call === 1 ? ok({ decision: 'go', plan: planOf(), approved: false }) : undefined),
        chooseVersion: (_, call) => (call === 1 ? ok({ waitSeconds: 900, message: 'Soon.' }) : undefined),
        moveTarget: (_, call) => (call === 1 ? paused : undefined),
        moveDataKeysPage: (_, call) => (call === 1 ? stopped : undefined),
      },
      short,
    ),
    raise: [{ name: wakeUp, atSeconds: 600 }],
  },
  retired: { orchestrator: 'retireVersion', input: retirement, script: usual({}, watched) },
  'retirement-refused': {
    orchestrator: 'retireVersion',
    input: retirement,
    script: usual({
      proveIdle: () => ok({ idle: false, reasons: [{ code: 'still-referred-to', message: 'The hub.' }] }),
    }),
  },
  'retirement-undone': {
    orchestrator: 'retireVersion',
    input: retirement,
    script: usual({ watchTargets: (_, call) => (call === 2 ? probes('green', 'red', 'green') : undefined) }, watched),
  },
  adopted: { orchestrator: 'adoptKey', input: request, script: usual() },
  'adoption-put-back': {
    orchestrator: 'adoptKey',
    input: request,
    script: usual({ writeAdoption: () => refusal('policy-not-changed') }),
  },
  revoked: {
    orchestrator: 'revokeKey',
    input: request,
    script: usual({ lookAtAccess: (_, call) => (call < 3 ? probes('green', 'red', 'unknown') : undefined) }, short),
  },
  'revocation-taken-back': {
    orchestrator: 'revokeKey',
    input: request,
    script: usual({ lookAtAccess: (_, call) => (call === 1 ? interrupted : probes('green', 'green', 'green')) }),
  },
  restored: {
    orchestrator: 'restoreKey',
    input: request,
    script: usual({ lookAtAccess: (_, call) => (call === 1 ? undefined : probes('green', 'green', 'green')) }, short),
  },
  abandoned: { input: { ...request, cause: { kind: 'resume', command: 'abandon' } }, script: usual() },
  replaced: { input: { ...request, run: 'replace', replacement: otherKey }, script: usual({}, short) },
  'data-keys-moved': {
    orchestrator: moveDataKeysName,
    input: {
      run: { key, rotationId: 'r-1', generation: 1 },
      policy,
      target: 2,
      direction: 'forward',
      continuation: null,
      done: 0,
      left: 0,
      named: [],
    },
    script: usual({
      moveDataKeysPage: (_, call) =>
        ok({ continuation: call < 5 ? 'p' : null, done: call, total: 5, left: 0, named: [] }),
    }),
  },
};

async function record(name: string, what: Play): Promise<void> {
  const { history, output } = await play(what);
  const recorded: Recorded = { orchestrator: what.orchestrator ?? 'rotateKey', output, history };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(recorded)}\n`, { flag: 'wx' });
}

const files = (): readonly string[] => readdirSync(folder).filter((file) => file.endsWith('.json'));

beforeAll(async () => {
  // biome-ignore lint/style/noProcessEnv: a switch of this test alone, not a setting of the app
  if (env['RECORD_HISTORIES'] !== '1') return;
  const known = files();
  for (const [name, what] of Object.entries(plays)) if (!known.includes(`${name}.json`)) await record(name, what);
});

test('every road that is recorded here has its file', () => {
  const names = files().map((file) => file.replace('.json', ''));
  expect(names).toEqual(expect.arrayContaining(Object.keys(plays)));
});

test.each(Object.keys(plays))('the recorded run "%s" still replays with the code of today', async (name) => {
  const recorded = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Recorded;
  await expect(replayFinished(recorded.orchestrator, recorded.history)).resolves.toEqual(recorded.output);
});
