import type { ContainerClient } from '@azure/storage-blob';
import type { Configuration } from '../config';
import { FaultError, RefusalError } from '../rotation/errors';
import type { DataKeyStore, KeyVault, Ledger, LogWindow, ResourceManager, VaultLog } from '../rotation/ports';
import { attempt } from './status-codes';

/** One thing that Keyturn needs. */
export interface Health {
  /** `tables`, `blobs`, `key 1`, `iotHub 1 of key 1`, …: by their places in rotation.json, for whoever asks need not be known. */
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
  /** For the app's own log: names what is missing. Null where nothing is, or nothing is known to be fit to be told. */
  readonly detail: string | null;
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
    ...keys.map(({ key }, index) =>
      check(`key ${index + 1}`, async () => {
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
  const targets = keys.flatMap((entry, index) =>
    entry.targets.map((target, at) => ({ ...target, place: `${at + 1} of key ${index + 1}` })),
  );
  for (const target of targets) {
    const name = `${target.kind} ${target.place}`;
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
    return { name, ok: true, message: 'is there', detail: null };
  } catch (error) {
    const told = error instanceof FaultError || error instanceof RefusalError;
    // Our sentences hold no secret, but they name keys, vaults and resources: whoever may know those finds them in the log.
    const code = told ? error.code : 'unexpected';
    return { name, ok: false, message: `${code}: see the log of this app`, detail: told ? error.message : null };
  }
}
