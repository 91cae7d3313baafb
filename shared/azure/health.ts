import type { ContainerClient } from '@azure/storage-blob';
import type { Configuration } from '../config';
import { FaultError, RefusalError } from '../rotation/errors';
import type { DataKeyStore, KeyVault, Ledger, LogWindow, ResourceManager, VaultLog } from '../rotation/ports';
import { attempt } from './status-codes';

/** One thing that Keyturn needs. */
export interface Health {
  /** `tables`, `blobs`, `vault https://…`, `iotHub/<name>`, … */
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
}

interface Needed {
  readonly keyVault: KeyVault;
  readonly resourceManager: ResourceManager;
  readonly ledger: Ledger;
  readonly vaultLog: VaultLog | null;
  dataKeyStore(table: string): DataKeyStore;
}

/** Asks everything once, with reads only, all at the same time. */
export async function checkHealth(
  { keys, hubApiVersion, dpsApiVersion }: Configuration,
  { keyVault, resourceManager, ledger, vaultLog, dataKeyStore }: Needed,
  plans: () => Promise<ContainerClient>,
): Promise<readonly Health[]> {
  const [first] = keys;
  const checks: Promise<Health>[] = [
    check('tables', async () => first && ledger.read(first.key)),
    check('blobs', () =>
      attempt({ service: 'storage', what: 'look for the plans' }, async () => (await plans()).exists()),
    ),
    ...keys.map(({ key }) =>
      check(`key ${key}`, async () => {
        if ((await keyVault.versions(key)).length === 0) {
          throw new RefusalError(
            'key-not-found',
            'The vault has no key of this name. Create it, or correct rotation.json.',
          );
        }
      }),
    ),
  ];
  if (vaultLog !== null && first !== undefined)
    checks.push(check('vault log', () => vaultLog.newestRecord(first.key, lastDay())));
  for (const target of keys.flatMap(({ targets }) => targets)) {
    const name = `${target.kind}/${target.name}`;
    if (target.kind === 'dataKeys') checks.push(check(name, () => dataKeyStore(target.table).page(null, 1)));
    else {
      const apiVersion = target.kind === 'iotHub' ? hubApiVersion : dpsApiVersion;
      checks.push(check(name, () => resourceManager.get(target.resourceId, apiVersion)));
    }
  }
  return Promise.all(checks);
}

/** Whether the log can be asked, not what it says: how quiet the vault was is nothing that is missing. */
function lastDay(): LogWindow {
  const until = new Date();
  return { from: new Date(until.getTime() - 86_400_000).toISOString(), until: until.toISOString() };
}

async function check(name: string, look: () => Promise<unknown>): Promise<Health> {
  try {
    await look();
    return { name, ok: true, message: 'is there' };
  } catch (error) {
    const told = error instanceof FaultError || error instanceof RefusalError;
    // Only our own sentences are known to hold no secret; this answer needs no key.
    return { name, ok: false, message: told ? error.message : 'failed in an unexpected way; see the log of this app' };
  }
}
