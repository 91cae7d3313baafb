import { createVaultPacer, type VaultPacer } from '../../../../shared/azure/vault-pacer';
import { FaultError } from '../../../../shared/rotation/errors';
import type { VaultBudgets } from '../../../../shared/rotation/ports';
import { fakeVaultBudgets } from '../../../fakes/vault-budgets';
import { seeded, VirtualTime } from './virtual-time';

const windowMilliseconds = 10_000;

export interface SimulatedVault {
  /** Units that it takes in ten seconds. */
  readonly limit: number;
  readonly window: 'fixed' | 'sliding';
  readonly retryAfterSeconds: number | null;
}

export interface SimulatedWorker {
  /** Records side by side, two calls each, one after the other. */
  readonly lanes: number;
  /** Its clock differs from the vault's by so many milliseconds. */
  readonly skew: number;
  /** Records of a page; between two pages nothing is asked for a while. */
  readonly page: number;
  readonly pauseMilliseconds: number;
  readonly startsAt: number;
  /** From then on nothing of it happens any more. */
  readonly diesAt: number;
}

export const steady: SimulatedWorker = {
  lanes: 24,
  skew: 0,
  page: 2000,
  pauseMilliseconds: 100,
  startsAt: 0,
  diesAt: Number.POSITIVE_INFINITY,
};

export interface Simulated {
  readonly vault: SimulatedVault;
  readonly ceiling: number;
  readonly cost: number;
  readonly workers: readonly SimulatedWorker[];
  readonly milliseconds: number;
  readonly seed: number;
  /** Shifts the edges of fixed windows. */
  readonly phase?: number;
  /** Somebody else's calls, in units a second. */
  readonly others?: number;
  /** Calls that arrive between these instants are all taken up at the second one, as by a process that stood still. */
  readonly standstill?: readonly [from: number, to: number];
}

interface Outcome {
  readonly accepted: number;
  readonly refused: number;
  /** Accepted units, by the vault's clock. */
  acceptedBetween(from: number, to: number): number;
  refusedBetween(from: number, to: number): number;
  /** By worker. */
  readonly done: readonly number[];
  readonly faults: readonly FaultError[];
  readonly budgets: VaultBudgets;
}

/** Workers that ask for all they can get, against a vault that counts. */
export async function simulate(simulated: Simulated): Promise<Outcome> {
  const { vault, ceiling, cost, workers, milliseconds, seed, phase = 0, others = 0 } = simulated;
  const [stoodFrom, stoodTo] = simulated.standstill ?? [0, 0];
  const time = new VirtualTime();
  const random = seeded(seed);
  const counted = countingVault(vault, () => time.now() + phase);
  const budgets = fakeVaultBudgets();
  const done = workers.map(() => 0);
  const faults: FaultError[] = [];
  const delay = (least: number, spread: number): Promise<void> => time.wait(least + random() * spread);

  async function call(): Promise<void> {
    await delay(2, 8);
    if (time.now() >= stoodFrom && time.now() < stoodTo) await time.wait(stoodTo - time.now());
    const taken = counted.take(cost, time.now());
    await delay(2, 8);
    if (taken) return;
    throw new FaultError('throttled', 'refused', { retryAfterSeconds: vault.retryAfterSeconds ?? undefined });
  }

  async function work(worker: SimulatedWorker, index: number): Promise<void> {
    await time.wait(worker.startsAt);
    const pacer = pacerOf(worker);
    while (time.now() < milliseconds) {
      let left = worker.page;
      await Promise.all(
        Array.from({ length: worker.lanes }, async () => {
          while (left-- > 0) {
            for (const _ of ['old', 'new']) {
              try {
                await pacer.run(cost, call);
                done[index] = (done[index] ?? 0) + 1;
              } catch (error) {
                if (!(error instanceof FaultError)) throw error;
                faults.push(error);
                await time.wait((error.retryAfterSeconds ?? 1) * 1000);
              }
            }
          }
        }),
      );
      await time.wait(worker.pauseMilliseconds);
    }
  }

  function pacerOf({ skew, diesAt }: SimulatedWorker): VaultPacer {
    const alive = (): boolean => time.now() < diesAt;
    return createVaultPacer({
      vaultUrl: 'https://v.vault.azure.net',
      ceiling,
      clock: { now: () => time.now() + skew, after: (wait, then) => time.after(wait, () => alive() && then()) },
      budgets: {
        read: async (url) => {
          await delay(2, 6);
          return budgets.read(url);
        },
        write: async (url, budget, etag) => {
          await delay(2, 6);
          if (!alive()) await new Promise(() => undefined);
          const written = await budgets.write(url, budget, etag);
          await delay(1, 3);
          return written;
        },
      },
    });
  }

  async function neighbour(): Promise<void> {
    while (others > 0) {
      await time.wait(1000 / others);
      counted.take(1, Number.NaN);
    }
  }

  void neighbour();
  for (const [index, worker] of workers.entries()) void work(worker, index);
  await time.runUntil(milliseconds);
  const sum = (rows: readonly { at: number; units: number }[], from: number, to: number): number =>
    rows.reduce((all, { at, units }) => all + (at >= from && at < to ? units : 0), 0);
  return {
    accepted: sum(counted.accepted, 0, milliseconds),
    refused: sum(counted.refused, 0, milliseconds),
    acceptedBetween: (from, to) => sum(counted.accepted, from, to),
    refusedBetween: (from, to) => sum(counted.refused, from, to),
    done,
    faults,
    budgets,
  };
}

/** Counts as Key Vault does: what it refuses does not count. */
function countingVault({ limit, window }: SimulatedVault, clock: () => number) {
  const accepted: { at: number; units: number }[] = [];
  const refused: { at: number; units: number }[] = [];
  let inWindow: { at: number; units: number }[] = [];
  let used = 0;
  let edge = 0;
  const forget = (now: number): void => {
    if (window === 'fixed') {
      const current = Math.floor(now / windowMilliseconds);
      if (current === edge) return;
      [edge, used] = [current, 0];
      return;
    }
    let gone = 0;
    for (const { at, units } of inWindow) {
      if (at > now - windowMilliseconds) break;
      gone += 1;
      used -= units;
    }
    if (gone > 0) inWindow = inWindow.slice(gone);
  };
  return {
    accepted,
    refused,
    take(units: number, at: number): boolean {
      const now = clock();
      forget(now);
      const fits = used + units <= limit;
      (fits ? accepted : refused).push({ at, units });
      if (!fits) return false;
      used += units;
      if (window === 'sliding') inWindow.push({ at: now, units });
      return true;
    },
  };
}
