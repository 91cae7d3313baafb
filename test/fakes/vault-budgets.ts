import type { VaultBudget, VaultBudgets } from '../../shared/rotation/ports';
import { type Fake, interference } from './interference';

/** What workers share of vaults' quotas, in memory. */
export function fakeVaultBudgets(effects: string[] = []): Fake<VaultBudgets> {
  const { interfere, run } = interference<VaultBudgets>(effects);
  const rows = new Map<string, { readonly budget: VaultBudget; readonly etag: string }>();
  let writes = 0;
  return {
    interfere,
    read: (vaultUrl) => run('read', '', () => structuredClone(rows.get(vaultUrl) ?? { budget: null, etag: null })),
    write: (vaultUrl, budget, etag) =>
      run('write', '', () => {
        if ((rows.get(vaultUrl)?.etag ?? null) !== etag) return 'changed-meanwhile';
        rows.set(vaultUrl, { budget: structuredClone(budget), etag: `"${++writes}"` });
        return 'written';
      }),
  };
}
