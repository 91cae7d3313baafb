import { play } from './harness';
import { fault, interrupted, ok, planOf, refusal, request, type Script, usual } from './script';

const adopt = (script: Script, input: object = request) => play({ orchestrator: 'adoptKey', input, script });
const left = [{ code: 'probe-red', message: 'The hub does not open its data.' }];

test('an adoption is planned, writes, says what is left, and tells', async () => {
  const played = await adopt(usual({ writeAdoption: () => ok({ left }) }));
  expect(played.told).toEqual([
    'admit',
    'enterPhase planning',
    'makePlan',
    'enterPhase adopting',
    'writeAdoption',
    'enterPhase completed',
    'sendAlert adopted',
  ]);
  expect(played.steps.at(-1)?.input).toMatchObject({ reasons: left });
});

test.each([
  ['skip', 'skipped'],
  ['refuse', 'refused'],
] as const)(
  'an adoption whose plan says %s ends as %s with the whole list, and writes nothing',
  async (decision, phase) => {
    const played = await adopt(usual({ makePlan: () => ok({ decision, reasons: left }) }));
    expect(played.told.at(-1)).toBe(`enterPhase ${phase}`);
    expect(played.steps.at(-1)?.input).toMatchObject({ reasons: left });
    expect(played.told).not.toContain('writeAdoption');
  },
);

test('an adoption that is refused in the middle puts back what it found; a fault is waited for', async () => {
  const refused = await adopt(usual({ writeAdoption: () => refusal('policy-not-changed') }));
  expect(refused.told.slice(-4)).toEqual([
    'enterPhase rolling-back',
    'undoAdoption',
    'enterPhase rolled-back',
    'sendAlert rolled-back',
  ]);
  const waited = await adopt(usual({ writeAdoption: (_, call) => (call === 1 ? fault() : undefined) }));
  expect(waited.output).toMatchObject({ phase: 'completed' });
  const recalled = await adopt(usual({ writeAdoption: () => interrupted }));
  expect(recalled.output).toMatchObject({ phase: 'rolled-back' });
});

test('an adoption that is resumed goes on from its plan, and abandoned changes nothing', async () => {
  const resumed = await adopt(usual({}, { known: planOf() }));
  expect(resumed.told.slice(0, 3)).toEqual(['admit', 'enterPhase adopting', 'writeAdoption']);
  const abandoned = await adopt(usual(), { ...request, cause: { kind: 'resume', command: 'abandon' } });
  expect(abandoned.told).toEqual(['admit', 'recordStanding', 'enterPhase abandoned']);
});
