import { activities } from '../../functions/activities';
import { play } from '../orchestration/harness';
import { fault, interrupted, key, ok, planOf, probeOf, refusal, request, usual } from '../orchestration/script';
import { codeOf, sourcesUnder } from './sources';

/** A name that is not registered hangs the instance in Running for ever, without an error: so all names are compared. */
interface Registered {
  readonly name: string;
  readonly bindings: Readonly<Record<string, { readonly type: string }>>;
}

/** What the app registers with the Functions worker, through the real libraries. */
function registered(type: string): readonly string[] {
  const all: Registered[] = [];
  const disposable = { dispose: () => undefined };
  jest.resetModules();
  jest.doMock(
    '@azure/functions-core',
    () => ({
      setProgrammingModel: () => undefined,
      registerHook: () => disposable,
      log: () => undefined,
      registerFunction: (metadata: Registered) => {
        all.push(metadata);
        return disposable;
      },
    }),
    { virtual: true },
  );
  require('../../functions/orchestrators').registerOrchestrations();
  require('../../functions/activities').registerActivities(() => {
    throw new Error('No activity runs here.');
  });
  jest.dontMock('@azure/functions-core');
  return all
    .filter(({ bindings }) => Object.values(bindings).some((binding) => binding.type === type))
    .map(({ name }) => name)
    .toSorted();
}

/** Names that the sources hand to `step` and the like; a name in a constant is looked up. */
function namesInSources(call: RegExp): readonly string[] {
  const code = [...sourcesUnder('functions/orchestrators'), 'functions/durable.ts'].map(codeOf).join('\n');
  const names = [...code.matchAll(call)].map(([, written = '']) => {
    if (written.startsWith("'")) return written.slice(1, -1);
    return new RegExp(`const ${written} = '(\\w+)'`).exec(code)?.[1] ?? `${written}?`;
  });
  return [...new Set(names)].toSorted();
}

test('every activity of the contract is registered under its name', () => {
  expect(registered('activityTrigger')).toEqual(Object.keys(activities).toSorted());
});

test('every activity that the orchestrators name in their sources is registered, and every registered one is named', () => {
  const named = namesInSources(/\b(?:step|callQuietly|callOnce)\(\s*on,\s*('\w+')/g);
  expect(named).toEqual(registered('activityTrigger'));
});

test('every orchestrator that the sources call is registered', () => {
  const known = registered('orchestrationTrigger');
  expect(known).toEqual(['adoptKey', 'moveDataKeys', 'restoreKey', 'retireVersion', 'revokeKey', 'rotateKey']);
  expect(known).toEqual(expect.arrayContaining([...namesInSources(/callSubOrchestrator\(\s*('\w+'|\w+)/g)]));
});

test('the triggers start an orchestrator by a name that is registered', () => {
  const code = sourcesUnder('functions/triggers').map(codeOf).join('\n');
  const started = [...code.matchAll(/startUnder\(\s*client,\s*([\w.']+)/g)].map(([, name = '']) => name);
  expect(started.length).toBeGreaterThan(0);
  const names = require('../../functions/orchestrators') as Readonly<Record<string, unknown>>;
  const named = started.flatMap((name) => {
    const value = names[name];
    // A table of them: one for each run.
    return typeof value === 'object' && value !== null ? Object.values(value) : [value];
  });
  expect(registered('orchestrationTrigger')).toEqual(expect.arrayContaining(named));
});

test('every activity that is called when the runs are played is registered, and together they call all of them', async () => {
  const resumed = { ...request, cause: { kind: 'resume' as const, command: 'abandon' as const } };
  const retirement = { key, rotationId: 'r-1' };
  const plays = [
    play({ input: request, script: usual() }),
    play({
      input: request,
      script: usual({
        moveTarget: ({ direction }, call) =>
          direction === 'back' ? undefined : call === 1 ? ok({ state: 'pending', retryAfterSeconds: 3 }) : refusal(),
        chooseVersion: (_, call) => (call === 1 ? fault() : undefined),
      }),
    }),
    play({ input: request, script: usual({ probeTargets: () => interrupted }) }),
    play({ input: resumed, script: usual({}, { known: planOf() }) }),
    play({ orchestrator: 'adoptKey', input: request, script: usual() }),
    play({ orchestrator: 'adoptKey', input: request, script: usual({ writeAdoption: () => refusal() }) }),
    play({ orchestrator: 'revokeKey', input: request, script: usual() }),
    play({
      orchestrator: 'restoreKey',
      input: request,
      script: usual({ lookAtAccess: () => ok({ results: [probeOf(0, 'green')] }) }),
    }),
    play({ orchestrator: 'retireVersion', input: retirement, script: usual() }),
    play({
      orchestrator: 'retireVersion',
      input: retirement,
      script: usual({ watchTargets: () => ok({ results: [probeOf(0, 'red')] }) }),
    }),
  ];
  const called = (await Promise.all(plays)).flatMap(({ steps }) => steps.map(({ name }) => name));
  expect([...new Set(called)].toSorted()).toEqual(registered('activityTrigger'));
});
