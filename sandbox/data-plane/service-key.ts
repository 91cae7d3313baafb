import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { SandboxClock } from '../kit';
import { cacheMilliseconds, followMilliseconds, type KeyModes, laterMilliseconds } from './modes';
import {
  isVersioned,
  type KeyReference,
  KeyVaultTrouble,
  type VaultConnection,
  type WrappedKey,
} from './vault-connection';

/** Where the data key stands: under a customer's key, or under the platform's own when there is no customer-managed key. */
type Custody =
  | { under: 'customer'; wrapped: WrappedKey }
  | { under: 'platform'; iv: Buffer; sealed: Buffer; tag: Buffer };

/**
 * The data key of one hub or DPS. It exists wrapped, and unwrapped only in a cache of a service's usual length; who takes
 * the key away from the service takes its data away once that cache has run out.
 */
export class ServiceKey {
  readonly #clock: SandboxClock;
  readonly #vault: VaultConnection;
  readonly #modes: () => KeyModes;
  readonly #platformKey = randomBytes(32);
  #custody: Custody;
  #reference: KeyReference | null = null;
  #cache: { key: Buffer; until: number } | undefined;
  #opening: Promise<Buffer> | undefined;
  #pendingMove: { cancel(): void } | undefined;
  /** Changes of custody one after the other: a late rewrap and the operation of the next PUT must not interleave. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #check: { iv: Buffer; sealed: Buffer; tag: Buffer };

  private constructor(clock: SandboxClock, vault: VaultConnection, modes: () => KeyModes, key: Buffer) {
    this.#clock = clock;
    this.#vault = vault;
    this.#modes = modes;
    this.#check = seal(key, Buffer.from('key check'));
    this.#custody = { under: 'platform', ...seal(this.#platformKey, key) };
  }

  /**
   * Makes a data key and hands it, once, to `fill`, which encrypts the seeded data with it; then wraps it.
   * @param reference null: no customer-managed key
   * @throws KeyVaultTrouble when the seeded identity cannot wrap with the seeded key
   */
  static async create(
    parts: { clock: SandboxClock; vault: VaultConnection; modes: () => KeyModes; reference: KeyReference | null },
    fill: (key: Buffer) => void,
  ): Promise<ServiceKey> {
    const key = randomBytes(32);
    const service = new ServiceKey(parts.clock, parts.vault, parts.modes, key);
    fill(key);
    await service.move(parts.reference);
    return service;
  }

  /** Versioned identifier the data key is really wrapped under; null = the platform's key. */
  get wrappedUnder(): string | null {
    return this.#custody.under === 'customer' ? this.#custody.wrapped.kid : null;
  }

  /** The data key for a read, from the cache or through the vault. @throws KeyVaultTrouble */
  async open(): Promise<Buffer> {
    if (this.#cache && this.#cache.until > this.#clock.nowMilliseconds()) return this.#cache.key;
    this.#opening ??= this.#openThroughVault().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Whether the reference's key can be used at all, without changing anything. @throws KeyVaultTrouble */
  async tryOut(reference: KeyReference | null): Promise<void> {
    if (reference === null) return;
    const probe = randomBytes(32);
    const wrapped = await this.#vault.wrap(reference, probe);
    if (!(await this.#vault.unwrap(wrapped)).equals(probe)) throw wrongKey();
  }

  /**
   * Takes a new reference: rewraps now, or, in mode `later`, accepts it and rewraps some minutes after.
   * @throws KeyVaultTrouble with everything as it was before
   */
  async apply(reference: KeyReference | null): Promise<void> {
    this.#pendingMove?.cancel();
    this.#pendingMove = undefined;
    if (reference === null || this.#modes().wrapFailsAt !== 'later') return this.move(reference);
    this.#reference = reference;
    this.#moveLater(reference);
  }

  /** Unwraps the data key, wraps it under the new reference, proves the new blob, keeps it. @throws KeyVaultTrouble, nothing changed */
  move(reference: KeyReference | null): Promise<void> {
    const turn = this.#turn.then(() => this.#move(reference));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Key Vault has a new version of a key; followed only by a reference without a version. */
  newVersion(keyIdentifier: string): void {
    const reference = this.#reference;
    if (reference === null || isVersioned(reference.keyIdentifier)) return;
    if (!sameKey(reference.keyIdentifier, keyIdentifier)) return;
    const { unversionedFollowed } = this.#modes();
    if (unversionedFollowed === 'never') return;
    const atOnce = unversionedFollowed === 'at-once';
    const due = this.#clock.nowMilliseconds() + (atOnce ? 0 : followMilliseconds);
    this.#clock.schedule(due, atOnce, async () => {
      if (this.#reference === reference) await this.#moveQuietly(reference);
    });
  }

  async #move(reference: KeyReference | null): Promise<void> {
    const key = await this.#unwrap();
    if (reference === null) {
      this.#custody = { under: 'platform', ...seal(this.#platformKey, key) };
    } else {
      const wrapped = await this.#vault.wrap(reference, key);
      if (!(await this.#vault.unwrap(wrapped)).equals(key)) throw wrongKey();
      this.#custody = { under: 'customer', wrapped };
    }
    this.#reference = reference;
    this.#remember(key);
  }

  #moveLater(reference: KeyReference): void {
    const due = this.#clock.nowMilliseconds() + laterMilliseconds;
    this.#pendingMove = this.#clock.schedule(due, true, () => this.#moveQuietly(reference));
  }

  /** A rewrap nobody waits for. A vault that is away is tried again; a refusal shows when the cache has run out and a read needs the key. */
  async #moveQuietly(reference: KeyReference): Promise<void> {
    this.#pendingMove = undefined;
    try {
      await this.move(reference);
    } catch (error) {
      const replaced = this.#pendingMove !== undefined || this.#reference !== reference;
      if (error instanceof KeyVaultTrouble && error.transient && !replaced) this.#moveLater(reference);
    }
  }

  async #openThroughVault(): Promise<Buffer> {
    if (this.#reference !== null && this.#pendingMove === undefined && !this.#standsOnReference())
      await this.move(this.#reference);
    else this.#remember(await this.#unwrap());
    if (this.#cache === undefined) throw wrongKey();
    return this.#cache.key;
  }

  #standsOnReference(): boolean {
    const kid = this.wrappedUnder;
    const wanted = this.#reference?.keyIdentifier ?? '';
    return kid !== null && (isVersioned(wanted) ? sameText(kid, wanted) : sameKey(kid, wanted));
  }

  async #unwrap(): Promise<Buffer> {
    const custody = this.#custody;
    const key =
      custody.under === 'customer' ? await this.#vault.unwrap(custody.wrapped) : unseal(this.#platformKey, custody);
    if (!opens(key, this.#check)) throw wrongKey();
    return key;
  }

  #remember(key: Buffer): void {
    this.#cache = { key, until: this.#clock.nowMilliseconds() + cacheMilliseconds[this.#modes().keyCache] };
  }
}

function wrongKey(): KeyVaultTrouble {
  return new KeyVaultTrouble('Key Vault returned a key that is not the one that was wrapped.', 403);
}

function sameText(left: string, right: string): boolean {
  return left.replace(/\/$/, '').toLowerCase() === right.replace(/\/$/, '').toLowerCase();
}

/** Same vault and key name, whatever the versions. */
function sameKey(left: string, right: string): boolean {
  const name = (identifier: string) => /^https:\/\/[^/]+\/keys\/[^/]+/i.exec(identifier)?.[0].toLowerCase();
  return name(left) !== undefined && name(left) === name(right);
}

function seal(key: Buffer, plain: Buffer): { iv: Buffer; sealed: Buffer; tag: Buffer } {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return { iv, sealed, tag: cipher.getAuthTag() };
}

function unseal(key: Buffer, { iv, sealed, tag }: { iv: Buffer; sealed: Buffer; tag: Buffer }): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, iv).setAuthTag(tag);
  return Buffer.concat([decipher.update(sealed), decipher.final()]);
}

function opens(key: Buffer, check: { iv: Buffer; sealed: Buffer; tag: Buffer }): boolean {
  try {
    unseal(key, check);
    return true;
  } catch {
    return false;
  }
}
