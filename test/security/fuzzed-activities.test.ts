import fc from 'fast-check';
import { activities } from '../../functions/activities';
import type { Activities, ActivityName } from '../../shared/contracts/activities';
import { toOutcome } from '../../shared/rotation/outcome';
import { eventRequest, key, makeWorld, ready, rotationId } from '../unit/shared/use-cases/world';
import { changesAmong } from './effects';
import { deep, junk, near, tries, unpolluted } from './junk';

jest.setTimeout(3_600_000);

const names = Object.keys(activities) as ActivityName[];
const strangers = [
  'https://evil.vault.azure.net/keys/kek',
  'https://127.0.0.1/keys/kek',
  'kek',
  '',
  null,
  7,
  {},
  ['x'],
];

/** An alert about a key that has left the configuration in the middle of a run must still go out: it tells, and does nothing else. */
const tells: ReadonlySet<string> = new Set(['put', 'send', 'delivered', 'failed', 'append']);
const allowedTo = (name: ActivityName, changes: readonly string[]): readonly string[] =>
  name === 'sendAlert' ? changes.filter((change) => !tells.has(change.split(' ')[0] ?? '')) : changes;

type Called = (ports: ReturnType<typeof makeWorld>['ports'], input: unknown) => Promise<unknown>;
const call = (name: ActivityName): Called => activities[name] as unknown as Called;

describe('An activity that is called with what no orchestrator of ours would send', () => {
  test.each(names)('%s changes nothing under a key that is not configured, and ends', async (name) => {
    const world = makeWorld(['iotHub', 'dps']);
    const run = await ready(world);
    const now = world.now();
    const input = {
      ...{
        run,
        now,
        request: eventRequest(rotationId),
        instanceId: 'i',
        target: 0,
        direction: 'forward',
        phase: 'soaking',
      },
      ...{ reasons: [], continuation: null, done: 0, left: 0, versions: [], key, rotationId, alert: 'completed' },
    };
    const misled = fc.constantFrom(...strangers).map((stranger) => ({
      ...input,
      ...{ key: stranger, run: { ...run, key: stranger }, request: { ...input.request, key: stranger } },
    }));
    const sent = fc.oneof(
      { weight: 3, arbitrary: misled },
      misled.chain((wrong) => near(wrong).filter((value) => !JSON.stringify(value)?.toLowerCase().includes(key))),
      junk,
      deep,
    );
    await fc.assert(
      fc.asyncProperty(sent, async (garbage) => {
        world.effects.length = 0;
        // An outcome, or an error of ours or of the language's: the orchestrator counts those and gives up.
        const ended = await toOutcome(
          () => call(name)(world.ports, garbage) as Promise<Activities[ActivityName]['output']>,
        ).catch((error: unknown) => error);
        expect(ended instanceof Error || typeof ended === 'object').toBe(true);
        expect({ garbage, changes: allowedTo(name, changesAmong(world.effects)) }).toEqual({ garbage, changes: [] });
        expect(JSON.stringify(ended instanceof Error ? ended.message : ended).length).toBeLessThan(20_000);
        expect(unpolluted()).toBe(true);
      }),
      tries(25),
    );
  });
});
