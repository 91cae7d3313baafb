import type { Benchmark, Figure } from './figures';
import { playPlainLoop, whatEachVerifies } from './rewrap/plain-loop';
import { byKind, type Shares } from './rewrap/profile';
import type { Wanted } from './rewrap/rehearsal';
import { accepted, answered, quotas, rows } from './rewrap/rows';
import { type Outcome, play, type Run } from './rewrap/run';

interface NamedRun extends Run {
  readonly name: string;
  /** Only with `--full`. */
  readonly long?: boolean;
}

const unwrapsOf = (checked: boolean): number => (checked ? 2 : 3);

const usual: Omit<Wanted, 'keys'> = { workers: 1, kty: 'RSA', withCheckValues: true, vault: { share: 1 } };
/** Far more than this machine can do: the pacing is there, and never waits. */
const withoutLimit = { share: 1, operationsPer10Seconds: 1_000_000 };
const count = (keys: number): string => keys.toLocaleString('en');

const free = (keys: number, more: Partial<NamedRun> = {}): NamedRun => {
  return { ...usual, keys, quota: null, vault: withoutLimit, name: `${count(keys)} unthrottled`, ...more };
};

type Window = 'fixed' | 'sliding';

function limited(keys: number, window: Window, more: Partial<NamedRun> = {}): NamedRun {
  const { kty = 'RSA', workers = 1 } = more;
  const name = [
    `${count(keys)} under a ${window} window`,
    ...(kty === 'RSA' ? [] : ['HSM']),
    ...(workers === 1 ? [] : ['two workers']),
  ].join(', ');
  // Azure promises no Retry-After: each kind of window is met with and without one.
  const retryAfter = (window === 'fixed') === (workers === 1) ? { retryAfterSeconds: 2 } : {};
  return { ...usual, keys, quota: { window, ...retryAfter }, name, ...more };
}

const runs: readonly NamedRun[] = [
  free(1000),
  free(1000, { withCheckValues: false, name: '1,000 unthrottled, without check values' }),
  free(10_000),
  free(100_000),
  limited(10_000, 'fixed'),
  limited(10_000, 'sliding'),
  limited(10_000, 'fixed', { workers: 2 }),
  limited(10_000, 'sliding', { workers: 2 }),
  limited(10_000, 'sliding', { kty: 'RSA-HSM' }),
  limited(100_000, 'fixed', { long: true }),
  limited(100_000, 'sliding', { long: true }),
  limited(100_000, 'sliding', { long: true, workers: 2 }),
  limited(100_000, 'fixed', { long: true, kty: 'RSA-HSM' }),
];

const profiled = free(5000, { name: 'profile', profiled: true });
const plainKeys = 3000;

export const rewrap: Benchmark = {
  name: 'rewrap',
  title:
    'a store of wrapped data keys moves to the next version, every one proved; six minutes of it under quotas, with --full forty more',
  async run(say, { full }) {
    const played: [NamedRun, Outcome][] = [];
    const figures: Figure[] = [];
    for (const run of runs.filter(({ long }) => full || !long)) {
      say(run.name);
      const outcome = await play(run, say);
      played.push([run, outcome]);
      figures.push(
        ...(run.quota === null ? unthrottled(run, outcome) : throttled(run, outcome)),
        ...sound(run, outcome),
      );
    }
    say('the plain loop');
    const plain = await playPlainLoop({ ...usual, keys: plainKeys });
    say('where the CPU time goes');
    const { profiles } = await play(profiled, say);
    const named = (name: string) => played.find(([run]) => run.name === name)?.[1];
    const [small, large] = [named(free(1000).name), named(free(100_000).name)];
    return {
      about:
        'one vault over TLS, Azurite in memory and the app in its local host, each a process of its own; every record read back and opened afterwards',
      figures: [
        ...figures,
        ...(small === undefined || large === undefined ? [] : compared(small, large, plain.keysPerSecond)),
        { name: 'plain loop: keys a second', value: plain.keysPerSecond, unit: '' },
        { name: 'plain loop: lost', value: plain.found.lost, unit: '' },
        { name: 'plain loop: unverified', value: plain.found.unverified, unit: `of ${count(plainKeys)}` },
        ...(['worker', 'vault', 'storage'] as const).flatMap((name) => profile(name, profiles?.[name] ?? {})),
      ],
      notes: ['', ...whatEachVerifies, '', ...rows(played)],
    };
  },
};

function unthrottled({ name, keys }: NamedRun, outcome: Outcome): Figure[] {
  const each = (milliseconds: number) => milliseconds / keys;
  return [
    { name: `${name}: keys a second`, value: outcome.keysPerSecond, unit: '' },
    { name: `${name}: from the order to the verified end`, value: outcome.wholeSeconds, unit: 's' },
    { name: `${name}: CPU of the worker a key`, value: each(outcome.cpu.workers), unit: 'ms' },
    { name: `${name}: CPU of the vault a key`, value: each(outcome.cpu.vault), unit: 'ms' },
    { name: `${name}: CPU of storage a key`, value: each(outcome.cpu.storage), unit: 'ms' },
    { name: `${name}: peak memory of the worker`, value: outcome.peakResidentBytes / 2 ** 20, unit: 'MiB' },
  ];
}

function throttled(run: NamedRun, outcome: Outcome): Figure[] {
  const { name } = run;
  return [
    { name: `${name}: accepted ÷ (quota × time)`, value: accepted(run, outcome), unit: '', bar: { atLeast: 0.95 } },
    { name: `${name}: refused ÷ accepted`, value: outcome.refused / outcome.unwraps, unit: '', bar: { atMost: 0.02 } },
  ];
}

function sound({ name, keys, withCheckValues }: NamedRun, outcome: Outcome): Figure[] {
  const { found } = outcome;
  const nothing = { unit: '', bar: { atMost: 0 } } as const;
  return [
    {
      name: `${name}: vault operations a key`,
      value: answered(outcome) / keys,
      unit: '',
      bar: { atMost: unwrapsOf(withCheckValues) + 0.02 },
    },
    { name: `${name}: lost`, value: found.lost, ...nothing },
    { name: `${name}: doubled`, value: found.doubled, ...nothing },
    { name: `${name}: unverified`, value: found.unverified, ...nothing },
  ];
}

function compared(small: Outcome, large: Outcome, plainKeysPerSecond: number): Figure[] {
  const quotaKeysPerSecond = quotas.RSA / 10 / unwrapsOf(true);
  const { keysPerSecond, lastTenthByFirst, peakResidentBytes } = large;
  return [
    { name: '100,000: last tenth ÷ first tenth', value: lastTenthByFirst, unit: '', bar: { atLeast: 0.9 } },
    {
      name: 'peak memory of the worker at 100,000 ÷ at 1,000',
      value: peakResidentBytes / small.peakResidentBytes,
      unit: '',
      bar: { atMost: 1.2 },
    },
    {
      name: "unthrottled ÷ what one vault's quota allows",
      value: keysPerSecond / quotaKeysPerSecond,
      unit: '',
      bar: { atLeast: 3 },
    },
    { name: 'unthrottled ÷ the plain loop', value: keysPerSecond / plainKeysPerSecond, unit: '', bar: { atLeast: 3 } },
  ];
}

const profile = (name: string, shares: Shares): Figure[] =>
  Object.entries(byKind(shares))
    .filter(([, share]) => share >= 0.01)
    .map(([kind, share]) => ({ name: `profile of ${name}: ${kind}`, value: share * 100, unit: '%' }));
