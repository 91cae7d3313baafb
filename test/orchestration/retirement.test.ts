import { wakeUp } from '../../functions/durable';
import { type Play, play } from './harness';
import {
  broken,
  fault,
  key,
  ok,
  policy,
  probes,
  refusal,
  retirement,
  stopped,
  superseded,
  thrown,
  usual,
} from './script';

type Played = Awaited<ReturnType<typeof play>>;
const retire = (script: ReturnType<typeof usual>, more: Partial<Play> = {}): Promise<Played> =>
  play({ orchestrator: 'retireVersion', input: retirement, script, mostTurns: 2000, ...more });
/** An hour of watching, a probe every ten minutes. */
const hour = { policy: { watchSeconds: 3600 } };
const secondsAt = (played: Played, told: string): readonly number[] =>
  played.steps.filter((step) => step.told === told).map(({ atSeconds }) => atSeconds);
const startedAt = Date.parse('2026-11-22T03:00:00Z');
const disabledAt = (played: Played): number => {
  const at = played.steps.findLast(({ name }) => name === 'disableVersions')?.input['now'];
  return (Date.parse(String(at)) - startedAt) / 1000;
};

const begun = ['beginRetirement', 'proveIdle', 'disableVersions'];
const watch = (rounds: number): readonly string[] => Array<string>(rounds).fill('watchTargets');
const dropped = ['dropOldBlobs 0 null', 'dropOldBlobs 1 null', 'dropOldBlobs 2 null'];
const retired = ['endRetirement retired', 'sendAlert retired'];
const undone = ['enableVersions', 'endRetirement undone', 'sendAlert retirement-undone'];

/** As the ledger has it of an instance that died so many seconds before this one began. */
const goingOn = (secondsAgo: number, over: object = {}) => ({
  beginRetirement: () =>
    ok({
      admitted: true as const,
      run: { key, rotationId: 'r-1', generation: 3 },
      policy: { ...policy, watchSeconds: 3600, ...over },
      versions: ['v1'],
      targets: 3,
      disabledAt: new Date(startedAt - secondsAgo * 1000).toISOString(),
    }),
});

describe('a retirement', () => {
  test('I9: proves idle, disables, watches, forgets the old blobs, and only then says so', async () => {
    const played = await retire(usual({}, hour));
    expect(played.told).toEqual([...begun, ...watch(6), ...dropped, ...retired]);
    expect(played.output).toBe('retired');
    expect(played.steps[0]?.input).toMatchObject({ request: retirement, instanceId: 'root' });
  });

  test('that is not admitted does nothing', async () => {
    const beginRetirement = () => ok({ admitted: false as const, message: 'Another rotation holds the claim.' });
    const played = await retire(usual({ beginRetirement }));
    expect(played.told).toEqual(['beginRetirement']);
    expect(played.output).toBe('Another rotation holds the claim.');
  });

  test.each([
    ['a refusal', refusal('key-not-configured')],
    ['a newer claim', superseded],
  ])('that meets %s when it begins ends quietly', async (_, answer) => {
    const played = await retire(usual({ beginRetirement: () => answer }));
    expect(played.told).toEqual(['beginRetirement']);
    expect(played.failure).toBeNull();
  });

  test('I1: of versions that something still refers to disables nothing, and keeps the reasons', async () => {
    const reasons = [{ code: 'still-referred-to', message: 'iotHub/plant still refers to v1.' }];
    const played = await retire(usual({ proveIdle: () => ok({ idle: false, reasons }) }));
    expect(played.told).toEqual(['beginRetirement', 'proveIdle', 'endRetirement refused']);
    expect(played.steps.at(-1)?.input).toMatchObject({ reasons });
  });

  test('asks the log again, with the mark it was told, until it is known', async () => {
    const asked = { idle: false, reasons: [], ask: { afterSeconds: 600, markedAt: 'the mark' } };
    const proveIdle = (_: unknown, call: number) => (call <= 2 ? ok(asked) : undefined);
    const played = await retire(usual({ proveIdle }, hour));
    const [first, second, third] = played.steps.filter(({ name }) => name === 'proveIdle');
    expect(first?.input).not.toHaveProperty('markedAt');
    expect([second, third].map((each) => each?.input['markedAt'])).toEqual(['the mark', 'the mark']);
    expect((second?.atSeconds ?? 0) - (first?.atSeconds ?? 0)).toBeGreaterThanOrEqual(599);
    expect(played.output).toBe('retired');
  });

  test('of versions that are kept for backups ends as kept, and nobody is told', async () => {
    const reasons = [{ code: 'kept-for-backups', message: 'v1 is kept.' }];
    const played = await retire(usual({ proveIdle: () => ok({ idle: false, kept: true as const, reasons }) }));
    expect(played.told).toEqual(['beginRetirement', 'proveIdle', 'endRetirement kept']);
    expect(played.output).toBe('kept');
  });

  test('that is refused for something new tells of it', async () => {
    const endRetirement = () => ok({ status: 'refused', isNews: true as const });
    const proveIdle = () => ok({ idle: false, reasons: [{ code: 'still-used', message: 'Somebody.' }] });
    const { told } = await retire(usual({ proveIdle, endRetirement }));
    expect(told.slice(-2)).toEqual(['endRetirement refused', 'sendAlert retirement-refused']);
  });

  test.each([
    ['a refusal', refusal()],
    ['a fault past its deadline', fault()],
    ['a broken invariant', broken()],
    ['an activity that dies', thrown],
  ])('I12: that cannot prove idleness because of %s disables nothing', async (_, answer) => {
    const { told } = await retire(usual({ proveIdle: () => answer }));
    expect(told).not.toContain('disableVersions');
    expect(told.at(-1)).toBe('endRetirement refused');
  });

  test('that is stopped between two versions watches what is disabled, then asks again, and watches all', async () => {
    const disableVersions = ({ now }: { now: string }, call: number) =>
      call === 1 ? ok({ disabledAt: now, unfinished: true as const }) : undefined;
    const played = await retire(usual({ disableVersions }, hour));
    expect(played.told).toEqual([...begun, ...watch(6), 'disableVersions', ...watch(6), ...dropped, ...retired]);
  });

  test('that is stopped between two versions enables them again as soon as a probe is red', async () => {
    const disableVersions = ({ now }: { now: string }) => ok({ disabledAt: now, unfinished: true as const });
    const played = await retire(usual({ disableVersions, watchTargets: () => probes('red') }, hour));
    expect(played.told).toEqual([...begun, 'watchTargets', ...undone]);
  });

  test('whose end cannot be put on record fails with its versions watched, for the sweep to go on from', async () => {
    const played = await retire(usual({ endRetirement: () => fault() }, hour));
    expect(played.failure).not.toBeNull();
    expect(played.told).not.toContain('enableVersions');
  });

  test('waits out the stop switch before it disables', async () => {
    const disableVersions = (_: unknown, call: number) => (call <= 2 ? stopped : undefined);
    const played = await retire(usual({ disableVersions }, hour));
    expect(played.told.filter((step) => step.startsWith('noteWaiting'))).toEqual([
      'noteWaiting pause',
      'noteWaiting null',
    ]);
    expect(played.output).toBe('retired');
  });
});

describe('the watch', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('lasts longer than asked although timers fire early (seed %i)', async (seed) => {
    const played = await retire(usual({}, hour), { seed });
    const at = secondsAt(played, 'watchTargets').map((seconds) => seconds - disabledAt(played));
    expect(at).toHaveLength(6);
    for (const [round, seconds] of at.entries()) {
      expect(seconds).toBeGreaterThan((round + 1) * 600);
      expect(seconds).toBeLessThan((round + 1) * 600 + 3);
    }
  });

  test.each([
    [1500, 3],
    [10, 1],
    [0, 1],
  ])('of %i seconds is never shorter for not being a multiple of the interval', async (watchSeconds, rounds) => {
    const played = await retire(usual({}, { policy: { watchSeconds } }));
    const at = secondsAt(played, 'watchTargets');
    expect(at).toHaveLength(rounds);
    expect((at.at(-1) ?? 0) - disabledAt(played)).toBeGreaterThan(rounds * 600);
  });

  test('keeps its rhythm however long a probe takes to answer, and makes up for none', async () => {
    const watchTargets = (_: unknown, call: number) => (call === 2 ? fault('throttled', 1300) : undefined);
    const played = await retire(usual({ watchTargets }, hour));
    const rounds = secondsAt(played, 'watchTargets').map((at) => Math.floor((at - disabledAt(played)) / 600));
    expect(rounds).toEqual([1, 2, 4, 5, 6]);
  });

  test('is not shortened by events, and does not probe for them', async () => {
    const raise = [50, 700, 700.05, 3500].map((atSeconds) => ({ name: wakeUp, atSeconds }));
    const played = await retire(usual({}, hour), { raise });
    const at = secondsAt(played, 'watchTargets');
    expect(at).toHaveLength(6);
    expect((at.at(-1) ?? 0) - disabledAt(played)).toBeGreaterThan(3600);
  });

  test.each([1, 4, 6])(
    'that sees one red answer, in round %i, enables the versions at once and says so',
    async (at) => {
      const watchTargets = (_: unknown, call: number) => (call === at ? probes('green', 'red', 'green') : undefined);
      const played = await retire(usual({ watchTargets }, hour));
      expect(played.told).toEqual([...begun, ...watch(at), ...undone]);
      const [red = 0] = secondsAt(played, 'watchTargets').slice(-1);
      expect(secondsAt(played, 'enableVersions')[0]).toBeCloseTo(red + 0.1);
      const reasons = [{ code: 'probe-failed', message: 'dps/dps-1 cannot open its data: The probe is red.' }];
      for (const step of played.steps.slice(-3)) expect(step.input).toMatchObject({ reasons });
      expect(played.output).toBe('undone');
    },
  );

  test('I12: goes on until every target has answered with green', async () => {
    const watchTargets = (_: unknown, call: number) =>
      call >= 5 && call <= 8 ? probes('green', 'unknown', 'green') : undefined;
    const played = await retire(usual({ watchTargets }, hour));
    expect(played.told).toEqual([...begun, ...watch(9), ...dropped, ...retired]);
  });

  test('I12: is undone when a target never says anything certain', async () => {
    const played = await retire(usual({ watchTargets: () => probes('green', 'unknown', 'green') }, hour));
    expect(played.told.slice(-3)).toEqual(undone);
    expect(played.told).not.toContain('dropOldBlobs 0 null');
    expect(played.steps.at(-1)?.input).toMatchObject({ reasons: [{ code: 'probes-uncertain' }] });
  });
});

describe('after a version may have been disabled', () => {
  test.each([
    ['a refusal to disable', { disableVersions: () => refusal('still-referred-to') }],
    ['a fault past its deadline while disabling', { disableVersions: () => fault() }],
    ['an activity that dies while disabling', { disableVersions: () => thrown }],
    ['a fault past its deadline while watching', { watchTargets: () => fault() }],
    ['a refusal while watching', { watchTargets: () => refusal() }],
    ['a broken invariant while watching', { watchTargets: () => broken() }],
    ['an error nobody foresaw', { watchTargets: () => ok({ results: null as never }) }],
  ])('I10: %s enables it again', async (_, changes) => {
    const played = await retire(usual(changes, hour));
    expect(played.told.slice(-3)).toEqual(undone);
    expect(played).toMatchObject({ output: 'undone', failure: null });
  });

  test.each(['disableVersions', 'watchTargets', 'dropOldBlobs', 'endRetirement'])(
    'a newer claim that %s meets ends it without another step',
    async (name) => {
      const played = await retire(usual({ [name]: () => superseded }, hour));
      expect(played.steps.at(-1)?.name).toBe(name);
      expect(played).toMatchObject({ failure: null, output: superseded.message });
    },
  );

  test('a newer claim that is met while enabling ends it without another step', async () => {
    const changes = { watchTargets: () => probes('red'), enableVersions: () => superseded };
    const played = await retire(usual(changes, hour));
    expect(played.told.at(-1)).toBe('enableVersions');
    expect(played.failure).toBeNull();
  });

  test.each([
    ['refused', refusal('no-role')],
    ['broken', broken()],
    ['lost to a dead worker', thrown],
    ['out of reach past every deadline', fault()],
  ])(
    'I10: enabling that is %s is tried until it is done, and told once, with the command by hand',
    async (_, answer) => {
      const enableVersions = (_: unknown, __: unknown, { now }: { now: string }) =>
        Date.parse(now) < startedAt + 5 * 3600 * 1000 ? answer : undefined;
      const played = await retire(usual({ watchTargets: () => probes('red'), enableVersions }, hour));
      const stuck = played.steps.filter(({ input }) => input['occasion'] === 'still-disabled');
      expect(stuck).toHaveLength(1);
      expect(JSON.stringify(stuck[0]?.input['reasons'])).toContain(`--enabled true --id ${key}/v1`);
      expect(played.told.slice(-2)).toEqual(undone.slice(1));
      expect(played.output).toBe('undone');
      // The last try is one that was answered: until then nothing ends.
      const last = played.steps.filter(({ name }) => name === 'enableVersions').at(-1);
      expect(Date.parse(String(last?.input['now']))).toBeGreaterThanOrEqual(startedAt + 5 * 3600 * 1000);
    },
  );
});

describe('a retirement that goes on after its instance died', () => {
  test('goes on with the watch where it stands, and does not disable again', async () => {
    const played = await retire(usual(goingOn(1500)));
    expect(played.told).toEqual(['beginRetirement', ...watch(4), ...dropped, ...retired]);
    expect(secondsAt(played, 'watchTargets').map((at) => Math.floor((at + 1500) / 600))).toEqual([3, 4, 5, 6]);
  });

  test('long after the watch should have ended probes once, not in a burst', async () => {
    const played = await retire(usual(goingOn(86_400)));
    expect(played.told).toEqual(['beginRetirement', ...watch(1), ...dropped, ...retired]);
  });

  test('I10: that sees red there enables the versions again', async () => {
    const played = await retire(usual({ ...goingOn(86_400), watchTargets: () => probes('red') }));
    expect(played.told).toEqual(['beginRetirement', 'watchTargets', ...undone]);
  });
});

describe('the old blobs', () => {
  test('are forgotten page by page, store by store', async () => {
    const dropOldBlobs = ({ target, continuation }: { target: number; continuation: string | null }) => {
      const page = continuation === null ? 1 : Number(continuation.slice(1));
      return ok({ continuation: target === 2 && page < 3 ? `p${page + 1}` : null, dropped: 10 });
    };
    const { told } = await retire(usual({ dropOldBlobs }, hour));
    expect(told.slice(-7)).toEqual([...dropped, 'dropOldBlobs 2 p2', 'dropOldBlobs 2 p3', ...retired]);
  });

  test.each([
    ['refused', refusal('no-role')],
    ['out of reach past every deadline', fault()],
    ['broken', broken()],
    ['lost to a dead worker', thrown],
  ])('that are %s stay, which is said: the version is retired, and not enabled again', async (_, answer) => {
    const dropOldBlobs = ({ target }: { target: number }) => (target === 1 ? answer : undefined);
    const played = await retire(usual({ dropOldBlobs }, hour));
    expect(played).toMatchObject({ output: 'retired', failure: null });
    expect(played.told).not.toContain('enableVersions');
    // The other stores do not wait for the one that hinders.
    expect(played.told.slice(-3)).toEqual(['dropOldBlobs 2 null', ...retired]);
    const reasons = [{ code: 'old-blobs-left', message: expect.stringContaining('tried again every day') }];
    expect(played.steps.slice(-2).map(({ input }) => input)).toMatchObject([
      { status: 'retired', reasons },
      { reasons },
    ]);
  });

  const left = (over: object = {}) => ({
    beginRetirement: () =>
      ok({
        ...{ admitted: true as const, run: { key, rotationId: 'r-1', generation: 3 }, policy, versions: ['v1'] },
        ...{ targets: 3, disabledAt: new Date(startedAt - 86_400_000).toISOString(), watched: true as const },
      }),
    ...over,
  });

  test('that were left are tried again without another watch, and it is told when they are gone', async () => {
    const played = await retire(usual(left()));
    expect(played.told).toEqual(['beginRetirement', ...dropped, ...retired]);
    expect(played.steps.at(-1)?.input).toMatchObject({ reasons: [] });
  });

  test('that are left once more are not told of every day', async () => {
    const played = await retire(usual(left({ dropOldBlobs: () => refusal() })));
    expect(played.told).toEqual(['beginRetirement', ...dropped, 'endRetirement retired']);
    expect(played).toMatchObject({ output: 'retired', failure: null });
  });

  test('whose page meets a fault are tried from that page on', async () => {
    const dropOldBlobs = ({ target, continuation }: { target: number; continuation: string | null }, call: number) => {
      if (call === 4) return fault();
      return ok({ continuation: target === 2 && continuation === null ? 'p2' : null, dropped: 10 });
    };
    const { told } = await retire(usual({ dropOldBlobs }, hour));
    expect(told.filter((step) => step.startsWith('dropOldBlobs'))).toEqual([
      ...dropped,
      'dropOldBlobs 2 p2',
      'dropOldBlobs 2 p2',
    ]);
  });
});

test('an alert that cannot be sent does not undo a retirement', async () => {
  const played = await retire(usual({ sendAlert: () => refusal('no-topic') }, hour));
  expect(played).toMatchObject({ output: 'retired', failure: null });
  expect(played.told).not.toContain('enableVersions');
});
