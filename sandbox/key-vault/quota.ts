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
  /**
   * Which ten seconds: the last ten at every moment (`sliding`, unless set), or ten that begin every ten seconds for everybody
   * (`fixed`). Azure does not say which.
   */
  window?: 'sliding' | 'fixed';
}

const WINDOW_MILLISECONDS = 10_000;
const AZURE = { rsa2048: 4000, rsa3072: 1000, rsa4096: 500, create: 20 };

/** What adding up shares may miss by. */
const ROUNDING = 1e-9;

/** A weighted sum over all kinds: half the create limit and half the unwrap limit together use up the vault. */
export class Quota {
  readonly #now: () => number;
  #limits: QuotaLimits | undefined;
  #window: Window = new SlidingWindow();

  /** @param now virtual milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Undefined = no limit, which is how a vault starts. Begins a window with nothing spent. */
  set(limits: QuotaLimits | undefined): void {
    this.#limits = limits;
    this.#window = limits?.window === 'fixed' ? new FixedWindow() : new SlidingWindow();
  }

  /**
   * @param spentOn asked only where there is a limit.
   * @throws KeyVaultError 429; a refused transaction does not count.
   */
  spend(kind: 'create' | 'other', spentOn: () => Pick<KeyVersion, 'kty' | 'size'> | undefined): void {
    if (this.#limits === undefined) return;
    const now = this.#now();
    const share = 1 / this.#limit(kind, spentOn(), this.#limits);
    if (this.#window.spent(now) + share > 1 + ROUNDING) {
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
    this.#window.spend(now, share);
  }

  #limit(kind: 'create' | 'other', version: Pick<KeyVersion, 'kty' | 'size'> | undefined, limits: QuotaLimits): number {
    const size = version?.size === 4096 ? 'rsa4096' : version?.size === 3072 ? 'rsa3072' : 'rsa2048';
    const name = kind === 'create' ? 'create' : size;
    return limits[name] ?? (version?.kty.endsWith('-HSM') ? AZURE[name] / 2 : AZURE[name]);
  }
}

/** Shares of the vault's capacity that were spent within ten seconds; 1 is all of it. */
interface Window {
  spent(now: number): number;
  spend(now: number, share: number): void;
}

/** Thousands of transactions lie in a window, and each request asks: what has left it is taken off, never added up anew. */
class SlidingWindow implements Window {
  #transactions: { at: number; share: number }[] = [];
  #oldest = 0;
  #sum = 0;

  spent(now: number): number {
    for (;;) {
      const transaction = this.#transactions[this.#oldest];
      if (transaction === undefined || transaction.at > now - WINDOW_MILLISECONDS) break;
      this.#sum -= transaction.share;
      this.#oldest += 1;
    }
    if (this.#oldest > this.#transactions.length / 2) this.#forget();
    return this.#sum;
  }

  spend(now: number, share: number): void {
    this.#transactions.push({ at: now, share });
    this.#sum += share;
  }

  /** Adds up anew as well, so that roundings do not pile up over millions of transactions. */
  #forget(): void {
    this.#transactions = this.#transactions.slice(this.#oldest);
    this.#oldest = 0;
    this.#sum = this.#transactions.reduce((sum, { share }) => sum + share, 0);
  }
}

class FixedWindow implements Window {
  #window = Number.NaN;
  #sum = 0;

  spent(now: number): number {
    const window = Math.floor(now / WINDOW_MILLISECONDS);
    if (window !== this.#window) this.#sum = 0;
    this.#window = window;
    return this.#sum;
  }

  spend(_now: number, share: number): void {
    this.#sum += share;
  }
}
