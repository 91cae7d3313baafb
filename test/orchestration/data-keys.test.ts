import { wakeUp } from '../../functions/durable';
import { moveDataKeysName } from '../../functions/orchestrators/move-data-keys';
import { play } from './harness';
import {
  broken,
  fault,
  interrupted,
  key,
  ok,
  planOf,
  policy,
  refusal,
  request,
  superseded,
  thrown,
  usual,
  verified,
} from './script';

const input = {
  run: { key, rotationId: 'r-1', generation: 1 },
  policy,
  target: 2,
  direction: 'forward',
  continuation: null,
  done: 0,
  left: 0,
  named: [],
};

/** A store of so many pages. */
const store = (pages: number) => ({
  moveDataKeysPage: ({ continuation, done }: { continuation: string | null; done: number }) => {
    const page = continuation === null ? 1 : Number(continuation.slice(1));
    return ok({
      continuation: page < pages ? `p${page + 1}` : null,
      done: done + 100,
      total: pages * 100,
      left: 0,
      named: [],
    });
  },
});
const movePages = (script: ReturnType<typeof usual>, more: Partial<typeof input> = {}) =>
  play({ orchestrator: moveDataKeysName, input: { ...input, ...more }, script });

describe('a store of data keys', () => {
  test('moves page by page, each from where the one before it ended', async () => {
    const { told, output, steps } = await movePages(usual(store(3)));
    expect(told).toEqual([
      'moveDataKeysPage 2 forward null',
      'moveDataKeysPage 2 forward p2',
      'moveDataKeysPage 2 forward p3',
    ]);
    expect(steps.map(({ input: { done } }) => done)).toEqual([0, 100, 200]);
    expect(output).toMatchObject({ end: 'moved', at: { done: 300, left: 0, named: [] } });
  });

  test('of many pages continues as new, so that no history grows with the store', async () => {
    const { steps, executions, history, output } = await movePages(usual(store(95)));
    expect(steps.map(({ input: { continuation } }) => continuation)).toEqual([
      null,
      ...Array.from({ length: 94 }, (_, index) => `p${index + 2}`),
    ]);
    expect(steps.at(-1)?.input).toMatchObject({ done: 9400 });
    expect(executions).toBe(5);
    expect(history.length).toBeLessThan(100);
    expect(output).toMatchObject({ end: 'moved', at: { done: 9500 } });
  });

  test('goes back page by page too', async () => {
    const { told } = await movePages(usual(store(2)), { direction: 'back' });
    expect(told).toEqual(['moveDataKeysPage 2 back null', 'moveDataKeysPage 2 back p2']);
  });

  test.each([
    ['a refusal', refusal('check-value'), { end: 'refusal', reason: { code: 'check-value' } }],
    ['a broken invariant', broken('I9'), { end: 'broken', reason: { code: 'I9' } }],
    ["an operator's rollback", interrupted, { end: 'interrupted', reason: { code: 'operator-rollback' } }],
    ['a newer claim', superseded, { end: 'superseded', reason: { code: 'superseded' } }],
    ['a worker that dies three times', thrown, { end: 'failed', reason: { code: 'activity-failed' } }],
    ['a fault past its deadline', fault('throttled'), { end: 'deadline', reason: { code: 'throttled' } }],
  ])('tells its parent of %s as a value', async (_, answer, expected) => {
    const { output, failure } = await movePages(usual({ moveDataKeysPage: () => answer }));
    expect(failure).toBeNull();
    expect(output).toMatchObject(expected);
  });

  test('waits out a fault in the middle and goes on from the same page', async () => {
    const pages = store(3);
    const moveDataKeysPage = (page: Parameters<(typeof pages)['moveDataKeysPage']>[0], call: number) =>
      call === 2 ? fault('throttled', 30) : pages.moveDataKeysPage(page);
    const { told } = await movePages(usual({ moveDataKeysPage }));
    expect(told).toEqual([
      'moveDataKeysPage 2 forward null',
      'moveDataKeysPage 2 forward p2',
      'noteWaiting fault',
      'moveDataKeysPage 2 forward p2',
      'noteWaiting null',
      'moveDataKeysPage 2 forward p3',
    ]);
  });
});

describe('a rotation over a store of data keys', () => {
  test('waits for all its pages before it verifies', async () => {
    const { told, output } = await play({ input: request, script: usual(store(45)), raise: [] });
    const pages = told.filter((step) => step.startsWith('moveDataKeysPage'));
    expect(pages).toHaveLength(90);
    expect(told.indexOf('verifyTarget 2 forward')).toBe(told.indexOf('moveDataKeysPage 2 forward p45') + 1);
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('keeps a wake-up call that comes while the pages move', async () => {
    const script = usual({
      ...store(30),
      probeTargets: (_, call) => (call === 1 ? interrupted : undefined),
    });
    const { steps, output } = await play({ input: request, script, raise: [{ name: wakeUp, atSeconds: 2 }] });
    expect(steps.find(({ name }) => name === 'probeTargets')?.atSeconds).toBeLessThan(10);
    expect(output).toMatchObject({ phase: 'rolled-back' });
  });

  test.each([
    ['broken', broken('I9'), 'needs-attention'],
    ['past its fault deadline', fault('throttled'), 'needs-attention'],
    ['refused', refusal('check-value'), 'rolled-back'],
  ])('whose store is %s ends as it would for a hub', async (_, answer, phase) => {
    const moveDataKeysPage = ({ direction }: { direction: string }) => (direction === 'forward' ? answer : undefined);
    const { output } = await play({ input: request, script: usual({ moveDataKeysPage }) });
    expect(output).toMatchObject({ phase });
  });
});

describe('data keys that cannot be moved', () => {
  const bad = { record: 'p/r1', code: 'check-value-mismatch' };
  const leaving = (left: number, done = 10) => ({
    moveDataKeysPage: ({ direction }: { direction: string }) =>
      direction === 'forward' ? ok({ continuation: null, done, total: done + left, left, named: [bad] }) : undefined,
  });
  const finishing = () => {
    const plan = planOf();
    return {
      plan: { ...plan, targets: plan.targets.map((target) => ({ ...target, onBadDataKey: 'finish' as const })) },
    };
  };
  const alertOf = (steps: readonly { name: string; input: Readonly<Record<string, unknown>> }[]) =>
    steps.filter(({ name }) => name === 'sendAlert').map(({ input: { alert, reasons } }) => ({ alert, reasons }));
  const reason = {
    code: 'data-keys-left',
    message: expect.stringMatching(/2 of 12 .*p\/r1 \(check-value-mismatch\), 1 more/),
  };

  test('I8: bring everything back once the pass is over, unless told otherwise', async () => {
    const { told, steps, output } = await play({ input: request, script: usual(leaving(2)) });
    expect(told).not.toContain('verifyTarget 2 forward');
    expect(told.filter((step) => step.startsWith('moveDataKeysPage'))).toEqual([
      'moveDataKeysPage 2 forward null',
      'moveDataKeysPage 2 back null',
    ]);
    expect(output).toMatchObject({ phase: 'rolled-back' });
    expect(alertOf(steps)).toMatchObject([{ alert: 'rolled-back', reasons: [reason] }]);
  });

  test('are left where the configuration says so: the run completes, and says which and how many', async () => {
    const script = usual(
      {
        ...leaving(2),
        verifyTarget: ({ target }) => (target === 2 ? verified(2, 'green', 2) : undefined),
      },
      finishing(),
    );
    const { told, steps, output } = await play({ input: request, script });
    expect(told.filter((step) => step === 'moveDataKeysPage 2 forward null')).toHaveLength(2);
    expect(output).toMatchObject({ phase: 'completed' });
    expect(alertOf(steps)).toMatchObject([{ alert: 'completed', reasons: [reason] }]);
    expect(steps.find(({ input: { phase } }) => phase === 'completed')?.input).toMatchObject({ reasons: [reason] });
  });

  test('and are all there is bring everything back, whatever is configured', async () => {
    const { output } = await play({ input: request, script: usual(leaving(3, 0), finishing()) });
    expect(output).toMatchObject({ phase: 'rolled-back' });
  });

  test('on the way back leave the run to a person', async () => {
    const moveDataKeysPage = ({ direction }: { direction: string }) =>
      ok({ continuation: null, done: 9, total: 10, left: direction === 'back' ? 1 : 0, named: [bad] });
    const script = usual({ moveDataKeysPage, beginSoak: () => refusal('soak') });
    const { output } = await play({ input: request, script });
    expect(output).toMatchObject({ phase: 'needs-attention' });
  });

  test('are counted through all stretches of a pass, and named once', async () => {
    const moveDataKeysPage = ({ continuation, left }: { continuation: string | null; left: number }) =>
      ok({
        continuation: continuation === null ? 'p2' : null,
        done: 10,
        total: 20,
        left: left + 1,
        named: [{ record: `p/${continuation}`, code: 'x' }],
      });
    const { output, steps } = await movePages(usual({ moveDataKeysPage }));
    expect(steps.map(({ input: { left } }) => left)).toEqual([0, 1]);
    expect(output).toMatchObject({ at: { left: 2, named: [{ record: 'p/null' }, { record: 'p/p2' }] } });
  });
});

describe('data keys that their owner wrote while a pass went by', () => {
  const passes = (told: readonly string[]) => told.filter((step) => step === 'moveDataKeysPage 2 forward null').length;

  test('I8: are met by another pass before the run goes on', async () => {
    const script = usual({
      verifyTarget: ({ target }, call) => (target === 2 ? verified(2, 'green', call < 5 ? 7 : 0) : undefined),
    });
    const { told, output } = await play({ input: request, script });
    expect(output).toMatchObject({ phase: 'completed' });
    expect(passes(told)).toBe(4);
  });

  test('without end hold up no run for ever: the version they name stays enabled while they name it', async () => {
    const script = usual({
      verifyTarget: ({ target }) => (target === 2 ? verified(2, 'green', 7) : undefined),
    });
    const { told, output } = await play({ input: request, script });
    expect(output).toMatchObject({ phase: 'completed' });
    expect(passes(told)).toBe(8);
  });
});
