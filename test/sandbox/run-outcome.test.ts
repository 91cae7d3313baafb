import { plain } from '../../sandbox/run/block';
import type { Rotation } from '../../sandbox/run/contract';
import { type Outcome, report, shortcomings } from '../../sandbox/run/outcome';
import { compare, takeStock } from '../../sandbox/run/readers';
import type { RecordSource } from '../../sandbox/run/sources';
import { summary } from '../../sandbox/run/summary';

const source: RecordSource = {
  kind: 'iotHub',
  name: 'keyturn-hub',
  noun: 'twins',
  leaning: { standIns: ['iotHub'], principals: [] },
  ids: async () => ['a', 'b'],
  open: async (id) => `content of ${id}`,
};

const rotation: Rotation = {
  rotationId: 'r-1',
  key: 'https://vault/keys/kek',
  phase: 'completed',
  waitingFor: null,
  reason: '',
  previousVersion: 'one',
  nextVersion: 'two',
  planHash: null,
  targets: [],
  reasons: [],
  requestedAt: '',
  endedAt: '',
};

const expectation = { phase: 'completed', standsOn: 'next', alert: 'Completed' } as const;

const audit = { ok: true, records: 7, head: 'abc', assurance: 'anchored', chains: [] } as const;

function outcome(changed: Partial<Outcome> = {}): Outcome {
  return {
    scenario: 'near-expiry',
    title: '',
    rotation,
    rotations: 1,
    versionBefore: 'one',
    standings: [{ kind: 'iotHub', name: 'keyturn-hub', version: 'two', key: 'fleet-kek' }],
    comparisons: [{ source, total: 2, before: 2, after: 2, problems: [] }],
    reads: new Map([['iotHub', { opened: 9, explained: 0, failed: 0 }]]),
    readProblems: [],
    audit,
    alerts: [{ id: '1', eventType: 'Completed', subject: '', data: {}, copies: 1 }],
    milliseconds: 1234,
    virtualMilliseconds: 90_000_000,
    failure: null,
    ...changed,
  };
}

describe('The verdict on a run', () => {
  test('is good when phase, versions, records, history and alerts are as the scenario says', () => {
    expect(shortcomings(outcome(), expectation)).toEqual([]);
  });

  test.each<[string, Partial<Outcome>, string]>([
    ['another phase', { rotation: { ...rotation, phase: 'rolled-back' } }, 'must end as completed and is rolled-back'],
    ['no rotation', { rotation: null, rotations: 0 }, 'is not there'],
    ['a second rotation', { rotations: 2 }, 'there are 2'],
    [
      'a target left behind',
      { standings: [{ kind: 'dps', name: 'd', version: 'one', key: 'fleet-kek' }] },
      'dps/d must be on two and is on one',
    ],
    [
      'data keys on two versions',
      { standings: [{ kind: 'dataKeys', name: 'k', version: null, key: 'fleet-kek' }] },
      'more than one version',
    ],
    ['versions nobody could read', { standings: [] }, 'nobody could read'],
    ['a next version that is the old one', { versionBefore: 'two' }, 'the one that was in use before'],
    [
      'a record that does not open',
      { comparisons: [{ source, total: 2, before: 2, after: 1, problems: ['b does not open any more: 403'] }] },
      'iotHub/keyturn-hub: b does not open',
    ],
    [
      'no old records at all',
      { comparisons: [{ source, total: 0, before: 0, after: 0, problems: [] }] },
      'nothing was proved',
    ],
    ['a read that failed meanwhile', { readProblems: ['dps/d e: 500'] }, 'dps/d e: 500'],
    [
      'a broken history',
      {
        audit: {
          ...audit,
          ok: false,
          brokenAt: { chain: 1, sequence: 2, fault: 'edited', message: 'changed' },
        },
      },
      'broken at record 2: changed',
    ],
    ['an empty history', { audit: { ...audit, records: 0, head: null } }, 'history is empty'],
    ['a history that nobody signed', { audit: { ...audit, assurance: 'chain' } }, 'not signed and anchored'],
    ['no alert', { alerts: [] }, 'did not receive Completed'],
    [
      'an alert that must not come',
      { alerts: [...outcome().alerts, { id: '2', eventType: 'Other', subject: '', data: {}, copies: 1 }] },
      'received Other',
    ],
    ['a scenario that gave up', { failure: 'waited 120 s for the end' }, 'waited 120 s'],
  ])('names %s', (_, changed, said) => {
    const problems = shortcomings(outcome(changed), expectation);
    expect(problems.join('\n')).toContain(said);
    expect(summary(outcome(changed), problems, plain).join('\n')).toContain('NOT as it must');
  });

  test('a scenario that tampers with the history must be told so', () => {
    const tampering = { ...expectation, history: 'broken' } as const;
    const broken = { ...audit, ok: false, brokenAt: { chain: 1, sequence: 2, fault: 'edited', message: 'changed' } };
    expect(shortcomings(outcome({ audit: broken }), tampering)).toEqual([]);
    expect(shortcomings(outcome(), tampering)).toEqual([expect.stringContaining('does not say so')]);
  });

  test('is one JSON object with the members of the contract', () => {
    expect(report(outcome())).toEqual({
      scenario: 'near-expiry',
      rotationId: 'r-1',
      phase: 'completed',
      previousVersion: 'one',
      nextVersion: 'two',
      targets: [{ kind: 'iotHub', name: 'keyturn-hub', version: 'two', records: { before: 2, after: 2 } }],
      audit: { ok: true, records: 7 },
      milliseconds: 1234,
    });
  });
});

describe('Old records', () => {
  test('count as opened after only if they say what they said before', async () => {
    let changed = false;
    const changing: RecordSource = { ...source, open: async (id) => (changed && id === 'b' ? 'something else' : id) };
    const before = await takeStock(changing);
    changed = true;
    const after = await compare(before);
    expect(after).toMatchObject({ total: 2, before: 2, after: 1 });
    expect(after.problems).toEqual(['b opens, but to something else than before']);
  });

  test('that have disappeared are missed', async () => {
    let gone = false;
    const losing: RecordSource = {
      ...source,
      ids: async () => (gone ? ['a'] : ['a', 'b']),
      open: async (id) => {
        if (gone && id === 'b') throw new Error('404');
        return id;
      },
    };
    const before = await takeStock(losing);
    gone = true;
    expect((await compare(before)).problems).toEqual(['b does not open any more: 404']);
  });
});
