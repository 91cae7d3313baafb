import fc from 'fast-check';
import { orchestrators } from '../orchestration/executor';
import { dpsId, hubId, kek, v1 } from '../simulation/cloud';
import { isMutation } from '../simulation/mutation-rules';
import { Simulation } from '../simulation/simulation';
import { deep, junk, near, tries } from './junk';

jest.setTimeout(600_000);

const stranger = 'https://evil.vault.azure.net/keys/kek';
const run = { key: kek, rotationId: '20261122T120000000Z-5d7b2f-aaaaaa', generation: 3 };
/** Of a claim that nobody holds: what has no generation would be a start as good as any. */
const request = {
  ...{ rotationId: run.rotationId, key: kek, reason: 'because', cause: { kind: 'http', actor: 'eve' } },
  ...{ toVersion: null, generation: 3, requestedAt: '2026-11-22T12:00:00Z' },
};
const policy = {
  ...{ soakSeconds: 0, probeEverySeconds: 60, redProbes: { red: 1, of: 1 }, faultDeadlineSeconds: 60 },
  ...{ operationDeadlineSeconds: 60, alertAfterSeconds: 60, graceSeconds: 0, watchSeconds: 0, approval: 'none' },
  ...{ approvalDeadlineSeconds: 0, backOffSeconds: 0, expiredPrevious: 'refuse', pin: false },
};
const target = { previousVersion: v1, previousKid: `${kek}/${v1}`, total: 1 };
const plan = {
  ...{ previousVersion: v1, planHash: 'x' },
  targets: [
    { kind: 'iotHub', name: 'hub-1', resourceId: hubId, ...target },
    { kind: 'dps', name: 'dps-1', resourceId: dpsId, ...target },
  ],
};
const pass = { run, policy, target: 2, direction: 'forward', continuation: null, done: 0, left: 0, named: [] };
const retirement = { key: kek, rotationId: run.rotationId };
const onward = { run, policy, plan, target: 0, probes: null };

/** Whole inputs: stale, of a stranger's key, of another orchestration, of an older version, and with another run's checkpoint. */
const whole: readonly unknown[] = [
  ...[request, pass, retirement, { ...request, onward }, { ...request, onward: { ...onward, probes: {} } }],
  ...[
    { ...request, run: 'revoke' },
    { ...request, run: 'replace', replacement: stranger },
    { ...pass, direction: 'back' },
  ],
  ...[request, pass, retirement].map((input) => ({ ...input, key: stranger, run: { ...run, key: stranger } })),
  ...[
    { ...request, onward: { ...onward, run: { ...run, key: stranger } } },
    { rotationId: run.rotationId, key: kek },
  ],
  ...[
    { ...request, notBefore: 'never' },
    { ...request, cause: { kind: 'resume', command: 'abandon' } },
  ],
  ...[{ ...request, rotationId: '../../x' }, null, 7, '', [], {}],
];

const stale = (input: unknown): unknown =>
  typeof input === 'object' && input !== null && !Array.isArray(input) ? { ...input, generation: 3 } : input;
const sent = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...whole).chain(near) }, junk, deep).map(stale);

/** What the language says where a program gave up. */
const languages =
  /Cannot (read|destructure|convert)|is not (a function|iterable|a constructor|defined)|Invalid time value/;

/**
 * What the durable library itself falls over, before any orchestrator is asked (durable-functions 3, `Utils`): a member of this name, and
 * an input that is nested deeper than its recursion has stack for, which is some thousands.
 */
const neverArrives = (input: string): boolean =>
  input.includes('"hasOwnProperty":') || (input.match(/[[{]/g)?.length ?? 0) > 1000;

/** Nothing of what is outside of Keyturn was asked to change. */
const changesOf = ({ judge }: Simulation): readonly string[] =>
  judge.effects.flatMap(({ by, what }) => {
    const [port = '', method = ''] = what.split('.');
    return isMutation({ port, method } as Parameters<typeof isMutation>[0]) ? [`${by} ${what}`] : [];
  });

test.each(Object.keys(orchestrators))(
  '%s, started with what nobody of ours would send, changes nothing, tells no secret, and says what was wrong',
  async (name) => {
    const simulation = new Simulation();
    const { numRuns, seed } = tries(100);
    const inputs = [...whole, ...fc.sample(sent, { numRuns, seed })]
      .map((input) => JSON.stringify(input) ?? 'null')
      .filter((input) => !neverArrives(input));
    for (const [index, input] of inputs.entries()) simulation.engine.start(name, `sent-${index}`, input);
    await simulation.settle(24 * 7);
    for (const [index, input] of inputs.entries()) {
      const { status, output } = simulation.engine.instances.get(`sent-${index}`) ?? {};
      const told = JSON.stringify(output);
      const ended = status === 'Completed' || status === 'Failed';
      expect({ input: input.slice(0, 500), status, ended }).toMatchObject({ ended: true });
      expect({ input: input.slice(0, 500), told, isClear: told.length > 20 && !languages.test(told) }).toMatchObject({
        isClear: true,
      });
    }
    expect(changesOf(simulation)).toEqual([]);
    expect(simulation.judge.atEnd()).toEqual([]);
  },
);
