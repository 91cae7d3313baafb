import { FaultError } from '../rotation/errors';
import { parseKeyIdentifier } from '../rotation/key-identifier';
import { creationCost, keyOperationCost, otherCost } from '../rotation/operation-cost';
import type { KeyVault, KeyVersionDetail } from '../rotation/ports';
import type { VaultPacer } from './vault-pacer';

/** One Key Vault twice, over one budget for each vault. */
export interface PacedKeyVault {
  /** Wraps and unwraps wait for room in the budget: for work in bulk. */
  readonly bulk: KeyVault;
  /** Nothing waits: for probes and single steps. What they take is entered, and bulk work gives way to it. */
  readonly prompt: KeyVault;
}

/** @param pacerOf null for a vault that is not configured; the adapter refuses it */
export function paceKeyVault(keyVault: KeyVault, pacerOf: (vaultUrl: string) => VaultPacer | null): PacedKeyVault {
  const kinds = rememberKinds();
  const find = (key: string) => pacerOf(parseKeyIdentifier(key)?.vaultUrl ?? '');
  const atOnce = async <T>(key: string, cost: number, call: () => Promise<T>): Promise<T> => {
    const pacer = find(key);
    try {
      const answer = await call();
      pacer?.charge(cost);
      return answer;
    } catch (error) {
      if (error instanceof FaultError && error.code === 'throttled') pacer?.refused(error.retryAfterSeconds);
      else pacer?.charge(cost);
      throw error;
    }
  };
  const inTurn = <T>(key: string, cost: number, call: () => Promise<T>): Promise<T> => {
    const pacer = find(key);
    return pacer === null ? call() : pacer.run(cost, call);
  };
  const other = {
    versions: (key) => atOnce(key, otherCost, () => keyVault.versions(key)),
    version: (kid) => atOnce(kid, otherCost, async () => kinds.note(await keyVault.version(kid))),
    rotationPolicy: (key) => atOnce(key, otherCost, () => keyVault.rotationPolicy(key)),
    setRotationPolicy: (key, policy) => atOnce(key, otherCost, () => keyVault.setRotationPolicy(key, policy)),
    deleted: (key) => atOnce(key, otherCost, () => keyVault.deleted(key)),
    createVersion: (key, options) =>
      atOnce(key, creationCost(isHsm(options.like)), async () =>
        kinds.note(await keyVault.createVersion(key, options)),
      ),
    setEnabled: (kid, enabled) => atOnce(kid, otherCost, () => keyVault.setEnabled(kid, enabled)),
    setExpiry: (kid, expiresOn) => atOnce(kid, otherCost, () => keyVault.setExpiry(kid, expiresOn)),
  } satisfies Partial<KeyVault>;
  const paced = (wait: typeof inTurn): KeyVault => ({
    ...other,
    unwrap: (kid, algorithm, blob) =>
      wait(kid, kinds.cost(kid, blob.length * 8), () => keyVault.unwrap(kid, algorithm, blob)),
    wrap: (kid, algorithm, dataKey) => wait(kid, kinds.cost(kid), () => keyVault.wrap(kid, algorithm, dataKey)),
  });
  return { bulk: paced(inTurn), prompt: paced(atOnce) };
}

const isHsm = ({ keyType }: Pick<KeyVersionDetail, 'keyType'>): boolean => keyType.endsWith('-HSM');

/** What was seen of key versions; a key's versions are of one kind unless its owner changed it, so a kind seen stands for the others. */
function rememberKinds() {
  const seen = new Map<string, { readonly size: number; readonly hsm: boolean }>();
  return {
    note(detail: KeyVersionDetail): KeyVersionDetail {
      const kind = { size: detail.keySize, hsm: isHsm(detail) };
      seen.set(detail.kid, kind);
      seen.set(keyOf(detail.kid), kind);
      return detail;
    },
    /** @param size bits, where the blob tells them: a blob is as long as its key */
    cost(kid: string, size?: number): number {
      const kind = seen.get(kid) ?? seen.get(keyOf(kid));
      return keyOperationCost({ size: size ?? kind?.size, hsm: kind?.hsm });
    },
  };
}

const keyOf = (kid: string): string => parseKeyIdentifier(kid)?.key.toLowerCase() ?? '';
