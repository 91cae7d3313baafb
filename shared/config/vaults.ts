import { documentedUnits } from '../rotation/operation-cost';
import type { ManagedKeyConfiguration } from './keys';
import type { Problems } from './problems';
import { place, type RotationFile } from './rotation-file';

/** How much of a vault's quota may be used, with the defaults filled in. */
export interface VaultConfiguration {
  readonly vaultUrl: string;
  /** The rest is for the services under the same vault. */
  readonly share: number;
  /** The vault's quota, in operations with software RSA-2048 keys. */
  readonly operationsPer10Seconds: number;
}

const presetShare = 0.5;

/** The vaults that one entry's keys are in: its own, and those that it was or may be moved between. */
export const vaultsOf = ({
  vaultUrl,
  replacements,
  formerKeys,
}: Pick<ManagedKeyConfiguration, 'vaultUrl' | 'replacements' | 'formerKeys'>): readonly string[] => [
  vaultUrl,
  ...[...replacements, ...formerKeys].map(({ key }) => new URL(key).origin),
];

/** Every vault of the keys, once; one that `vaults` names and no key is in is a mistake. */
export function readVaults(
  path: string,
  { keys, vaults = [] }: RotationFile,
  managed: readonly ManagedKeyConfiguration[],
  problems: Problems,
): VaultConfiguration[] {
  const inUse = managed.flatMap(vaultsOf);
  const allRead = managed.length === keys.length;
  const named = vaults.map(({ url }) => (URL.canParse(url) ? new URL(url).origin : ''));
  vaults.forEach(({ url }, index) => {
    const where = place(path, ['vaults', index, 'url']);
    const first = named.indexOf(named[index] ?? '');
    // One that could not be read at all was told of when the file was parsed.
    if (url === '') return;
    const whatToDo = 'give it as https://<vault>, as in the keys, or remove it';
    if (allRead && !inUse.includes(named[index] ?? '')) problems.add(where, 'is the vault of no key', whatToDo);
    else if (first < index) problems.add(where, `is vaults[${first}] again`, 'say all of one vault in one entry');
  });
  return [...new Set(inUse)].map((vaultUrl) => {
    const entry = vaults[named.indexOf(vaultUrl)];
    return {
      vaultUrl,
      share: entry?.share ?? presetShare,
      operationsPer10Seconds: entry?.operationsPer10Seconds ?? documentedUnits,
    };
  });
}
