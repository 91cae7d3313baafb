import type { Reason } from '../contracts/rotation';
import { parseKeyIdentifier } from './key-identifier';
import type { KeyVersionDetail } from './ports';

type Described = Pick<KeyVersionDetail, 'kid' | 'keyType' | 'keySize'>;

/**
 * Endings of managed HSM host names in Azure's public, US Government and China clouds (Azure's documentation, "Azure Managed HSM
 * authentication, requests and responses", 2026-05: `managedhsm.azure.net`, `managedhsm.usgovcloudapi.net`, `managedhsm.azure.cn`).
 */
const managedHsmSuffixes = ['.managedhsm.azure.net', '.managedhsm.usgovcloudapi.net', '.managedhsm.azure.cn'] as const;

/** Whether a key is in a managed HSM, by the name of its host. */
export function isInManagedHsm(identifier: string): boolean {
  const parsed = parseKeyIdentifier(identifier);
  if (parsed === null) return false;
  const { hostname } = new URL(parsed.vaultUrl);
  return managedHsmSuffixes.some((suffix) => hostname.endsWith(suffix));
}

const protections = ['in software', 'in an HSM', 'in a managed HSM'] as const;

/** Where a key's private half lives; a higher number is better kept. */
function protectionOf({ kid, keyType }: Described): 0 | 1 | 2 {
  if (isInManagedHsm(kid)) return 2;
  return keyType.endsWith('-HSM') ? 1 : 0;
}

/**
 * In what one key would be weaker than another; empty if in nothing. More bits do not make up for a lower protection, nor the
 * other way round. Whether a key can wrap at all is asked elsewhere.
 */
export function weaknesses(from: Described, to: Described): readonly Reason[] {
  const reasons: Reason[] = [];
  const code = 'replacement-weaker';
  if (to.keySize < from.keySize) {
    const message = `${to.kid} has ${to.keySize} bits, and ${from.kid} has ${from.keySize}. Name a key of ${from.keySize} bits or more.`;
    reasons.push({ code, message });
  }
  const [before, after] = [protectionOf(from), protectionOf(to)];
  if (after < before) {
    const message = `${to.kid} is kept ${protections[after]}, and ${from.kid} ${protections[before]}. Name a key that is kept ${protections[before]}${before === 1 ? ' or a managed one' : ''}.`;
    reasons.push({ code, message });
  }
  return reasons;
}
