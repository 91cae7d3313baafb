import { codeOf, sourcesUnder } from './sources';

const usesOf = (pattern: RegExp, ...folders: readonly string[]): readonly string[] =>
  folders.flatMap(sourcesUnder).flatMap((file) =>
    codeOf(file)
      .split('\n')
      .flatMap((line) => (pattern.test(line) ? [`${file}: ${line.trim()}`] : [])),
  );

describe('what the real Durable extension makes dangerous is not used', () => {
  test.each([
    [
      'a *WithRetry: it fails as non-deterministic inside Task.any, and retries every error alike',
      /WithRetry|\.withRetry\b/,
    ],
    [
      'a lock or an entity: durable-functions 4 removes the one, and reports errors of the other unreadably',
      /\bdf\.lock\b|\bcallEntity\b|\bsignalEntity\b|\bapp\.entity\b|\bEntityId\b/,
    ],
    ['callHttp: its polling hides faults from the retry loop', /\bcallHttp\b/],
    ['Task.all: after a failure it waits for all siblings, and an empty one throws', /\bTask\.all\b/],
    ['isReplaying: what a run does must not depend on it', /\bisReplaying\b/],
  ])('%s', (_, pattern) => {
    expect(usesOf(pattern, 'functions')).toEqual([]);
  });

  test('a sub-orchestration is never given an id: that of a running instance would silently replace it', () => {
    const calls = usesOf(/callSubOrchestrator\(/, 'functions');
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls) expect(call).toMatch(/callSubOrchestrator\(\w+, \w+\)/);
  });
});

describe('a decision is the same in every replay', () => {
  const impure =
    /\bDate\.now\(|\bnew Date\(\s*\)|\bMath\.random\(|\bperformance\.|\bsetTimeout\(|\bsetInterval\(|\bsetImmediate\(/;

  test('orchestrators and pure rules read no clock, no random number and no timer of the machine', () => {
    expect(usesOf(impure, 'functions/orchestrators', 'shared/rotation', 'shared/contracts')).toEqual([]);
    expect(usesOf(impure, 'functions').filter((use) => use.startsWith('functions/durable.ts'))).toEqual([]);
  });

  test('orchestrators are generators: nothing in them is async', () => {
    expect(usesOf(/\basync\b|\bawait\b|\bPromise\b/, 'functions/orchestrators')).toEqual([]);
  });

  test('no decision compares a clock with a deadline after a timer: timers fire up to a second early', () => {
    const compares =
      /(now\([^)]*\)|currentUtcDateTime)[^;]*(>=|<=|[^=]>[^>]|<[^<\w])|(>=|<=|[^=-]> |< )\s*(now\(|\w*\.?currentUtcDateTime)/;
    expect(usesOf(compares, 'functions/orchestrators')).toEqual([]);
    expect(usesOf(compares, 'functions').filter((use) => use.startsWith('functions/durable.ts'))).toEqual([]);
  });
});

describe('the surroundings are read in one place each', () => {
  test('only the configuration reads the environment', () => {
    const uses = usesOf(/\bprocess\.env\b|from 'node:process'/, 'functions', 'shared');
    expect(uses.map((use) => use.split(':')[0])).toEqual(['shared/config.ts']);
  });

  test('only the composition looks at globalThis, for the clock that a host may supply', () => {
    const uses = usesOf(/\bglobalThis\b/, 'functions', 'shared');
    expect(new Set(uses.map((use) => use.split(':')[0]))).toEqual(new Set(['shared/composition.ts']));
  });

  test('nothing in functions or shared knows that a sandbox exists', () => {
    expect(usesOf(/sandbox|azurite/i, 'functions', 'shared')).toEqual([]);
  });
});
