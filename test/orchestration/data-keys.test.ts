import { wakeUp } from '../../functions/durable';
import { moveDataKeysName } from '../../functions/orchestrators/move-data-keys';
import { play } from './harness';
import { broken, fault, interrupted, key, ok, policy, refusal, request, superseded, thrown, usual } from './script';

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
