import type { VaultBudget, VaultBudgets } from '../../shared/rotation/ports';

let vaults = 0;

const budget: VaultBudget = {
  writtenAt: 1_790_000_000_123,
  spans: [
    { from: 1_789_999_999_000, to: 1_789_999_999_250.5, units: 98 },
    { from: 1_789_999_999_250.5, to: 1_789_999_999_501, units: 12.5 },
  ],
  nextAt: 1_789_999_999_501,
  dueAt: 1_789_999_999_400.25,
  learned: 1234.5,
  blockedUntil: 1_790_000_004_000,
  refusals: 3,
  refusedAt: 1_790_000_000_000,
};

/** What Keyturn relies on of the budgets that workers share, held against one. Every test takes a vault of its own. */
export function describeVaultBudgetsContract(name: string, setup: () => Promise<VaultBudgets>): void {
  describe(`the vault budgets contract, kept by ${name}`, () => {
    let budgets: VaultBudgets;
    let vault: string;

    beforeAll(async () => {
      budgets = await setup();
    });
    beforeEach(() => {
      vault = `https://vault-${++vaults}.vault.azure.net`;
    });

    test('a vault of which nothing is known has no budget', async () => {
      expect(await budgets.read(vault)).toEqual({ budget: null, etag: null });
    });

    test('a budget is read as it was written, whether something was learned or nothing', async () => {
      expect(await budgets.write(vault, budget, null)).toBe('written');
      const first = await budgets.read(vault);
      expect(first.budget).toEqual(budget);
      const never = { ...budget, spans: [], learned: null, refusals: 0, blockedUntil: Number.MIN_SAFE_INTEGER };
      expect(await budgets.write(vault, never, first.etag)).toBe('written');
      expect((await budgets.read(vault)).budget).toEqual(never);
    });

    test('of two workers that write at once, one is told that the other was faster', async () => {
      const first = await Promise.all([budgets.write(vault, budget, null), budgets.write(vault, budget, null)]);
      expect(first.toSorted()).toEqual(['changed-meanwhile', 'written']);
      const { etag } = await budgets.read(vault);
      const then = await Promise.all([1, 2].map((refusals) => budgets.write(vault, { ...budget, refusals }, etag)));
      expect(then.toSorted()).toEqual(['changed-meanwhile', 'written']);
      expect((await budgets.read(vault)).budget).toMatchObject({ refusals: then.indexOf('written') + 1 });
    });

    test('what was written under an old ETag changes nothing', async () => {
      await budgets.write(vault, budget, null);
      const { etag } = await budgets.read(vault);
      await budgets.write(vault, { ...budget, refusals: 7 }, etag);
      expect(await budgets.write(vault, { ...budget, refusals: 8 }, etag)).toBe('changed-meanwhile');
      expect((await budgets.read(vault)).budget).toMatchObject({ refusals: 7 });
    });

    test('each vault has a budget of its own', async () => {
      await budgets.write(vault, budget, null);
      expect((await budgets.read(`${vault}:8443`)).budget).toBeNull();
    });

    test('a busy ten seconds of many workers still fits', async () => {
      const spans = Array.from({ length: 200 }, (_, index) => {
        const from = 1_790_000_000_000 + index * 50.5;
        return { from, to: from + 50.5, units: 19.7 };
      });
      await budgets.write(vault, { ...budget, spans }, null);
      expect((await budgets.read(vault)).budget?.spans).toEqual(spans);
    });
  });
}
