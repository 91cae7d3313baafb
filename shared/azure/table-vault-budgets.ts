import { createHash } from 'node:crypto';
import { ConflictError } from '../rotation/errors';
import type { Span, VaultBudget, VaultBudgets } from '../rotation/ports';
import { ownTables, readRow, submit, type Tables, textOf } from './tables';

/**
 * What is known of each vault's quota: one row a vault in the ledger's table, partition `vault_<host>_<hash>` (a KEK's has no `_`), row
 * `budget`. It may be deleted at any time: workers then start from the configuration again.
 */
export function createTableVaultBudgets(tables: Tables): VaultBudgets {
  const table = () => tables.own(ownTables.ledger);
  return {
    async read(vaultUrl) {
      const row = await readRow(await table(), partitionOf(vaultUrl), 'budget');
      return row === null
        ? { budget: null, etag: null }
        : { budget: readBudget(textOf(row, 'budget')), etag: row.etag };
    },
    async write(vaultUrl, budget, etag) {
      const row = { partitionKey: partitionOf(vaultUrl), rowKey: 'budget', ...columnsOf(vaultUrl, budget) };
      try {
        await submit(await table(), `share the quota of ${vaultUrl}`, [
          etag === null ? ['create', row] : ['update', row, 'Replace', { etag }],
        ]);
        return 'written';
      } catch (error) {
        if (error instanceof ConflictError) return 'changed-meanwhile';
        throw error;
      }
    },
  };
}

function partitionOf(vaultUrl: string): string {
  const { origin, hostname } = new URL(vaultUrl);
  return `vault_${hostname}_${createHash('sha256').update(origin).digest('hex').slice(0, 16)}`;
}

/** The whole as JSON for us, and beside it what a person may want to see in a table browser. */
function columnsOf(vault: string, budget: VaultBudget): Record<string, string | number> {
  const { learned, blockedUntil, refusals, spans } = budget;
  const rounded = { ...budget, spans: spans.map(({ from, to, units }) => [tenths(from), tenths(to), units]) };
  const blocked = refusals === 0 ? {} : { refusals, blockedUntil: new Date(blockedUntil).toISOString() };
  return {
    vault,
    ...(learned === null ? {} : { learned: Math.round(learned) }),
    ...blocked,
    budget: JSON.stringify(rounded),
  };
}

const tenths = (milliseconds: number): number => Math.round(milliseconds * 10) / 10;

/** Null for what cannot be read: a budget that starts anew is better than none. */
function readBudget(text: string): VaultBudget | null {
  try {
    const read = JSON.parse(text) as Omit<VaultBudget, 'spans'> & { spans: [number, number, number][] };
    const spans: Span[] = read.spans.map(([from, to, units]) => ({ from, to, units }));
    return { ...read, spans };
  } catch {
    return null;
  }
}
