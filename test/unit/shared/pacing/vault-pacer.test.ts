import { createVaultPacer, type VaultPacer } from '../../../../shared/azure/vault-pacer';
import { FaultError, RefusalError } from '../../../../shared/rotation/errors';
import type { VaultBudgets } from '../../../../shared/rotation/ports';
import { fakeVaultBudgets } from '../../../fakes/vault-budgets';
import { VirtualTime } from './virtual-time';

const vaultUrl = 'https://v.vault.azure.net';

interface Bench {
  readonly time: VirtualTime;
  readonly budgets: ReturnType<typeof fakeVaultBudgets>;
  readonly pacer: VaultPacer;
  /** When each call was sent, in milliseconds. */
  readonly sent: number[];
  readonly ended: (string | number)[];
  /** Asks for so many calls; what they answer is what `answer` says then. */
  ask(count: number, cost?: number): void;
  /** Another worker over the same row. */
  another(): VaultPacer;
}

/** A pacer of 1,000 units in ten seconds, in virtual time; each call takes ten milliseconds. */
function bench(answer: (sentAt: number) => Error | null = () => null, budgetMilliseconds = 0): Bench {
  const time = new VirtualTime();
  const budgets = fakeVaultBudgets();
  const slow: VaultBudgets = {
    read: async (url) => {
      await time.wait(budgetMilliseconds);
      return budgets.read(url);
    },
    write: budgets.write,
  };
  const settings = { vaultUrl, ceiling: 1000, budgets: slow, clock: time };
  const pacer = createVaultPacer(settings);
  const sent: number[] = [];
  const ended: (string | number)[] = [];
  const call = async (): Promise<void> => {
    const sentAt = time.now();
    sent.push(sentAt);
    await time.wait(10);
    const error = answer(sentAt);
    if (error !== null) throw error;
  };
  return {
    time,
    budgets,
    pacer,
    sent,
    ended,
    another: () => createVaultPacer(settings),
    ask: (count, cost = 1) => {
      for (let each = 0; each < count; each++) {
        pacer.run(cost, call).then(
          () => ended.push('done'),
          (error: unknown) =>
            ended.push(error instanceof FaultError ? (error.retryAfterSeconds ?? error.code) : String(error)),
        );
      }
    },
  };
}

const throttled = (retryAfterSeconds?: number): FaultError => new FaultError('throttled', '429', { retryAfterSeconds });
const gaps = (instants: readonly number[]): number[] =>
  instants.slice(1).map((at, index) => at - (instants[index] ?? 0));

test('calls are sent evenly, a little under the limit, and weigh what they cost', async () => {
  const { time, sent, ask } = bench();
  ask(40, 10);
  await time.runUntil(3000);
  expect(sent.length).toBeGreaterThanOrEqual(28);
  expect(sent.length).toBeLessThanOrEqual(30);
  expect(Math.max(...gaps(sent))).toBeLessThanOrEqual(125);
});

test('a clock that is set back by an hour holds up nothing', async () => {
  const time = new VirtualTime();
  let wrongBy = 3_600_000;
  const clock = {
    now: () => time.now() + wrongBy,
    after: (milliseconds: number, then: () => void) => time.after(milliseconds, then),
  };
  const pacer = createVaultPacer({ vaultUrl, ceiling: 1000, budgets: fakeVaultBudgets(), clock });
  let ended = 0;
  const ask = (): void => {
    for (let each = 0; each < 20; each++) void pacer.run(1, async () => undefined).then(() => ended++);
  };
  ask();
  await time.runUntil(50);
  wrongBy = 0;
  ask();
  await time.runUntil(5000);
  expect(ended).toBe(40);
});

test('what is idle asks for nothing and leaves no timer', async () => {
  const { time, budgets, ask, ended } = bench();
  ask(3);
  await time.runUntil(1000);
  expect(ended).toEqual(['done', 'done', 'done']);
  const before = budgets.interfere.calls('read');
  await time.runUntil(100_000);
  expect(budgets.interfere.calls('read')).toBe(before);
});

test('after a refusal nothing is sent for 1, 2, 4, 8 seconds, then one call at a time, until one is let through', async () => {
  const { time, sent, ask, ended } = bench((at) => (at < 4000 ? throttled() : null));
  ask(50);
  await time.runUntil(900);
  const first = sent.length;
  expect(first).toBeLessThanOrEqual(3); // those that were under way
  await time.runUntil(8000);
  const trials = sent.slice(first, first + 3);
  expect(trials.map((at) => Math.round((at - (sent[0] ?? 0)) / 1000))).toEqual([1, 3, 7]);
  expect(ended.length).toBeGreaterThan(10);
  await time.runUntil(20_000);
  expect(ended).toEqual(Array.from({ length: 50 }, () => 'done'));
});

test('a trial that is let through while the row is being asked counts at once', async () => {
  const { time, sent, ask } = bench((at) => (at < 500 ? throttled() : null), 30);
  ask(50);
  await time.runUntil(3000);
  const [trial = 0, next = 0] = sent.filter((at) => at > 500);
  expect(next - trial).toBeLessThan(200);
});

test('what Key Vault asks for in Retry-After is kept to', async () => {
  const { time, sent, ask } = bench((at) => (at < 1000 ? throttled(7) : null));
  ask(20);
  await time.runUntil(20_000);
  const [before, after] = [sent.filter((at) => at < 1000), sent.filter((at) => at >= 1000)];
  expect(before.length).toBeLessThanOrEqual(3);
  expect((after[0] ?? 0) - (before[0] ?? 0)).toBeGreaterThanOrEqual(7000);
  expect((after[0] ?? 0) - (before[0] ?? 0)).toBeLessThan(7500);
});

test('a vault that refuses again after what it asked for itself is waited for longer each time', async () => {
  const { time, sent, ask } = bench((at) => (at < 9000 ? throttled(1) : null));
  ask(50);
  await time.runUntil(900);
  const first = sent.length;
  await time.runUntil(15_000);
  const trials = sent.slice(first, first + 3);
  expect(trials.map((at) => Math.round((at - (sent[0] ?? 0)) / 1000))).toEqual([1, 3, 7]);
  expect(sent.filter((at) => at >= 8000 && at < 14_900)).toEqual([]);
  await time.runUntil(25_000);
  expect(sent.length).toBeGreaterThan(50);
});

test('a wait that is longer than 20 seconds is left to the orchestrator, at once and with its length', async () => {
  const { time, ask, ended, sent } = bench(() => throttled(120));
  ask(20);
  await time.runUntil(500);
  expect(ended).toHaveLength(20);
  for (const seconds of ended) expect(seconds).toBeGreaterThanOrEqual(119);
  const before = sent.length;
  ask(5);
  await time.runUntil(1500);
  expect(sent).toHaveLength(before);
  expect(ended.slice(20).every((seconds) => typeof seconds === 'number' && seconds >= 117 && seconds <= 120)).toBe(
    true,
  );
});

test('a vault that goes on refusing is waited for 20 seconds in all, not for ever', async () => {
  const { time, ask, ended } = bench(() => throttled());
  ask(5);
  await time.runUntil(25_000);
  expect(ended).toHaveLength(5);
  for (const seconds of ended) expect(seconds).toBeGreaterThan(0);
});

test('another worker keeps to a block that it never met itself', async () => {
  const { time, ask, another } = bench((at) => (at < 1000 ? throttled(10) : null));
  ask(1);
  await time.runUntil(300);
  const sent: number[] = [];
  const call = async () => void sent.push(time.now());
  void another().run(1, call);
  await time.runUntil(9000);
  expect(sent).toEqual([]);
  await time.runUntil(15_000);
  expect(sent).toHaveLength(1);
});

test('a refusal of another kind is the caller’s, and shows that the vault takes calls again', async () => {
  const forbidden = new RefusalError('key-vault-forbidden', 'no');
  const { time, ask, ended, sent } = bench((at) => (at < 500 ? throttled() : forbidden));
  ask(30);
  await time.runUntil(4000);
  expect(ended).toEqual(Array.from({ length: 30 }, () => String(forbidden)));
  expect(sent.filter((at) => at > 500).length).toBe(30);
});

test('what was not paced is entered, and the next grants leave it room', async () => {
  const quiet = bench();
  const busy = bench();
  busy.pacer.charge(900);
  for (const { ask } of [quiet, busy]) ask(1000);
  for (const { time } of [quiet, busy]) await time.runUntil(9500);
  expect(quiet.sent.length).toBeGreaterThan(900);
  expect(busy.sent.length).toBeLessThanOrEqual(81);
});

test('a refused probe stops bulk calls too', async () => {
  const { time, pacer, sent, ask } = bench();
  ask(200);
  await time.runUntil(500);
  pacer.refused(5);
  const before = sent.length;
  await time.runUntil(5000);
  expect(sent).toHaveLength(before);
  await time.runUntil(7000);
  expect(sent.length).toBeGreaterThan(before);
});

test('when the budget cannot be reached, work goes on with half of it, and the row is told later', async () => {
  const { time, budgets, sent, ask } = bench();
  budgets.interfere.failAlways('read');
  ask(2000);
  await time.runUntil(9800);
  expect(sent.length).toBeGreaterThan(430);
  expect(sent.length).toBeLessThanOrEqual(500);
  budgets.interfere.heal();
  await time.runUntil(20_500);
  const inTen = sent.filter((at) => at >= 10_000 && at < 20_000).length;
  expect(inTen).toBeGreaterThan(700);
  for (let from = 0; from < 10_000; from += 250) {
    expect(sent.filter((at) => at >= from && at < from + 10_000).length).toBeLessThanOrEqual(1000);
  }
});

test('a budget that never answers holds calls up for three seconds, not for ever', async () => {
  const { time, budgets, sent, ask } = bench();
  budgets.interfere.before('read', 1, () => new Promise(() => undefined));
  ask(10);
  await time.runUntil(2900);
  expect(sent).toEqual([]);
  await time.runUntil(4000);
  expect(sent).toHaveLength(10);
});

test('a bug under the budget reaches the caller', async () => {
  const { time, budgets, ended, ask } = bench();
  budgets.interfere.failAlways('write', new TypeError('broken'));
  ask(2);
  await time.runUntil(100);
  expect(ended).toEqual(['TypeError: broken', 'TypeError: broken']);
});
