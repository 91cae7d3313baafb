import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { sameKey, sameKid, versionOf } from '../../shared/rotation/key-identifier';
import type { FakeClock } from './clock';

/** Key Vault as a hub or DPS uses it: as itself, past our port and what a test does to it. */
export interface VaultForServices {
  /** The versioned identifier that a reference stands for now. @throws VaultTrouble */
  current(reference: string): string;
  /** @throws VaultTrouble */
  wrap(kid: string, dataKey: Uint8Array): Uint8Array;
  /** @throws VaultTrouble */
  unwrap(kid: string, blob: Uint8Array): Uint8Array;
  /** Called with the kid of each version that is made from now on. */
  onNewVersion(told: (kid: string) => void): void;
}

/** The vault did not do what a service asked; `passing` if it may do so later. */
export class VaultTrouble extends Error {
  readonly passing: boolean;
  constructor(message: string, passing: boolean) {
    super(message);
    this.passing = passing;
  }
}

/** What nobody outside Azure knows of a service's use of its key; the names and readings are those of the local cloud. */
export interface KeyModes {
  keyCache: '5m' | '24h';
  wrapFailsAt: 'put' | 'operation' | 'later';
  unversionedFollowed: 'at-once' | 'after-a-day' | 'never';
}

const hostileKeyModes: KeyModes = { keyCache: '24h', wrapFailsAt: 'later', unversionedFollowed: 'after-a-day' };

const minute = 60_000;
const day = 24 * 60 * minute;
const cacheMilliseconds: Record<KeyModes['keyCache'], number> = { '5m': 5 * minute, '24h': day };
const laterMilliseconds = 5 * minute;

interface Sealed {
  readonly iv: Buffer;
  readonly text: Buffer;
  readonly tag: Buffer;
}

/**
 * Twins or enrollments of one service, at rest as ciphertext only, under a data key that exists wrapped and, for as long as the service's
 * cache lasts, unwrapped. Who takes the key away takes the data away, once the cache has run out.
 */
export class ServiceData {
  readonly modes: KeyModes;
  readonly #clock: FakeClock;
  readonly #vault: VaultForServices;
  readonly #records: ReadonlyMap<string, Sealed>;
  #custody: { readonly kid: string; readonly blob: Uint8Array };
  #reference: string;
  #cache: { readonly key: Uint8Array; readonly until: number };
  #takeBack: (() => void) | null = null;

  /** @param reference of the key, versioned or not @param ids of the records that are in it */
  constructor(
    clock: FakeClock,
    vault: VaultForServices,
    reference: string,
    ids: readonly string[],
    modes: Partial<KeyModes> = {},
  ) {
    const key = randomBytes(32);
    this.modes = { ...hostileKeyModes, ...modes };
    this.#clock = clock;
    this.#vault = vault;
    this.#reference = reference;
    this.#records = new Map(ids.map((id) => [id, seal(key, contentOf(id))]));
    this.#custody = this.#wrapped(reference, key);
    this.#cache = this.#cached(key);
    vault.onNewVersion((kid) => this.#noticed(kid));
  }

  /** The versioned identifier that the data key is really wrapped under. */
  get wrappedUnder(): string {
    return this.#custody.kid;
  }

  /** One record, decrypted; null if there is none. @throws VaultTrouble */
  read(id: string): string | null {
    const key = this.#open();
    const record = this.#records.get(id);
    return record === undefined ? null : unseal(key, record);
  }

  /** Whether a key can be used at all; changes nothing. @throws VaultTrouble */
  tryOut(reference: string): void {
    this.#wrapped(reference, randomBytes(32));
  }

  /** Takes a new reference: rewraps now or, in mode `later`, some minutes after. @throws VaultTrouble, nothing changed */
  apply(reference: string): void {
    this.#takeBack?.();
    this.#takeBack = null;
    if (this.modes.wrapFailsAt === 'later') {
      this.#reference = reference;
      this.#moveLater();
    } else this.#move(reference);
  }

  #move(reference: string): void {
    const key = this.#vault.unwrap(this.#custody.kid, this.#custody.blob);
    this.#custody = this.#wrapped(reference, key);
    this.#reference = reference;
    this.#cache = this.#cached(key);
  }

  /** A rewrap nobody waits for: what passes is tried again, a refusal shows at the next read after the cache has run out. */
  #moveLater(): void {
    this.#takeBack = this.#clock.at(new Date(this.#now() + laterMilliseconds), () => {
      this.#takeBack = null;
      try {
        this.#move(this.#reference);
      } catch (error) {
        if (!(error instanceof VaultTrouble)) throw error;
        if (error.passing) this.#moveLater();
      }
    });
  }

  #noticed(kid: string): void {
    const { unversionedFollowed } = this.modes;
    const reference = this.#reference;
    if (versionOf(reference) !== null || !sameKey(reference, kid) || unversionedFollowed === 'never') return;
    const due = this.#now() + (unversionedFollowed === 'at-once' ? 0 : day);
    this.#clock.at(new Date(due), () => {
      if (this.#reference === reference) this.#moveQuietly(reference);
    });
  }

  #moveQuietly(reference: string): void {
    try {
      this.#move(reference);
    } catch (error) {
      if (!(error instanceof VaultTrouble)) throw error;
    }
  }

  #open(): Uint8Array {
    if (this.#cache.until > this.#now()) return this.#cache.key;
    if (this.#takeBack === null && !this.#standsOnReference()) this.#move(this.#reference);
    else this.#cache = this.#cached(this.#vault.unwrap(this.#custody.kid, this.#custody.blob));
    return this.#cache.key;
  }

  #standsOnReference(): boolean {
    const { kid } = this.#custody;
    return versionOf(this.#reference) === null ? sameKey(kid, this.#reference) : sameKid(kid, this.#reference);
  }

  #wrapped(reference: string, key: Uint8Array): { kid: string; blob: Uint8Array } {
    const kid = this.#vault.current(reference);
    const blob = this.#vault.wrap(kid, key);
    if (!Buffer.from(this.#vault.unwrap(kid, blob)).equals(key)) {
      throw new VaultTrouble('Key Vault returned a key that is not the one that was wrapped.', false);
    }
    return { kid, blob };
  }

  #cached(key: Uint8Array) {
    return { key, until: this.#now() + cacheMilliseconds[this.modes.keyCache] };
  }

  #now(): number {
    return this.#clock.now().getTime();
  }
}

/** What a record says, so that a reader knows whether it was opened. */
const contentOf = (id: string): string => `the secret of life of ${id}`;

function seal(key: Uint8Array, text: string): Sealed {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  return { iv, text: Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]), tag: cipher.getAuthTag() };
}

/** @throws VaultTrouble under another key than it was sealed with */
function unseal(key: Uint8Array, { iv, text, tag }: Sealed): string {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv).setAuthTag(tag);
    return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
  } catch {
    throw new VaultTrouble('Key Vault returned a key that does not open the data.', false);
  }
}
