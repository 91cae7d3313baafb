import { KeyVaultError } from './errors';
import type { KeyVersion } from './key';

/**
 * Transactions per vault in ten seconds; what is left out is Azure's own (service limits of Key Vault, 2025-07-23): RSA-2048 4,000,
 * RSA-3072 1,000, RSA-4096 500, creating a key 20; half of each for keys in an HSM.
 */
export interface QuotaLimits {
  rsa2048?: number;
  rsa3072?: number;
  rsa4096?: number;
  create?: number;
  /** Sends `Retry-After` with the 429; Azure does not promise one. */
  retryAfterSeconds?: number;
}

const WINDOW_MILLISECONDS = 10_000;
const AZURE = { rsa2048: 4000, rsa3072: 1000, rsa4096: 500, create: 20 };

/** A weighted sum over all kinds: half the create limit and half the unwrap limit together use up the vault. */
export class Quota {
  readonly #now: () => number;
  #limits: QuotaLimits | undefined;
  #spent: { at: number; share: number }[] = [];

  /** @param now virtual milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Undefined = no limit, which is how a vault starts. */
  set(limits: QuotaLimits | undefined): void {
    this.#limits = limits;
    this.#spent = [];
  }

  /** @throws KeyVaultError 429; a refused transaction does not count. */
  spend(kind: 'create' | 'other', version: Pick<KeyVersion, 'kty' | 'size'> | undefined): void {
    if (this.#limits === undefined) return;
    const now = this.#now();
    this.#spent = this.#spent.filter((transaction) => transaction.at > now - WINDOW_MILLISECONDS);
    const share = 1 / this.#limit(kind, version, this.#limits);
    const used = this.#spent.reduce((sum, transaction) => sum + transaction.share, 0);
    if (used + share > 1 + 1e-9) {
      const { retryAfterSeconds } = this.#limits;
      const headers: Record<string, string> =
        retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) };
      throw new KeyVaultError(
        429,
        'Throttled',
        'Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached',
        undefined,
        headers,
      );
    }
    this.#spent.push({ at: now, share });
  }

  #limit(kind: 'create' | 'other', version: Pick<KeyVersion, 'kty' | 'size'> | undefined, limits: QuotaLimits): number {
    const size = version?.size === 4096 ? 'rsa4096' : version?.size === 3072 ? 'rsa3072' : 'rsa2048';
    const name = kind === 'create' ? 'create' : size;
    return limits[name] ?? (version?.kty.endsWith('-HSM') ? AZURE[name] / 2 : AZURE[name]);
  }
}
