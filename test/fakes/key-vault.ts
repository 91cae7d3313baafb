import { constants, generateKeyPairSync, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';
import { RefusalError } from '../../shared/rotation/errors';
import { kidOf, parseKeyIdentifier, sameKey, versionOf } from '../../shared/rotation/key-identifier';
import type {
  DeletedKey,
  KeyVault,
  KeyVersionDetail,
  RotationPolicy,
  WrapAlgorithm,
} from '../../shared/rotation/ports';
import { type Fake, interference } from './interference';
import { type VaultForServices, VaultTrouble } from './service-data';

export const fakeKey = 'https://kv-test.vault.azure.net/keys/kek';

type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
type Stored = { detail: KeyVersionDetail; readonly pair: Pair };

export type NewVersion = Partial<Omit<KeyVersionDetail, 'kid' | 'publicKey'>>;

interface FakeKeyVaultExtra {
  /** Adds a version as an operator or a policy would; without dates and with every operation, unless told. Answers it. */
  addVersion(version?: NewVersion): KeyVersionDetail;
  /** Changes what an operator may change of a version. */
  change(
    version: string,
    columns: Partial<Pick<KeyVersionDetail, 'enabled' | 'notBefore' | 'expiresOn' | 'tags'>>,
  ): void;
  remove(version: string): void;
  setPolicy(policy: Partial<RotationPolicy> | null): void;
  /** Deletes the key, all versions of it: who asks for one finds none, and its name is taken. */
  softDelete(key: DeletedKey): void;
  /** Gives back what was deleted, as it was. */
  recover(): void;
  /** From now on, unwraps with this version answer these bytes, well-formed and wrong; null ends it. */
  answerWrongly(version: string, bytes: Uint8Array | null): void;
  /** The same key as hubs and DPS use it, past the port. `away`: the vault answers none of them. `forbidden`: versions that they may not use. */
  readonly forServices: VaultForServices & { away: boolean; readonly forbidden: Set<string> };
  /** What an owner's unwrap would answer now, without a call: null where the version is gone, disabled, or does not open it. */
  opens(kid: string, algorithm: WrapAlgorithm, blob: Uint8Array): Uint8Array | null;
  /** The same of a version that nobody may use just now, too: whether the blob is of this key. */
  wouldOpen(kid: string, algorithm: WrapAlgorithm, blob: Uint8Array): Uint8Array | null;
  /** Every version as it is now, without a call. */
  look(): readonly KeyVersionDetail[];
}

interface FakeKeyVaultOptions {
  readonly key?: string;
  readonly now?: () => Date;
  readonly effects?: string[];
  /** Bits that the RSA keys really have, whatever they say: shorter ones are quicker. As many as they say unless told. */
  readonly bits?: number;
  /** Vaults that must not open each other's blobs have key pairs of different names. */
  readonly pairs?: string;
  /** Names what is made here; `made` counts from 1. */
  readonly nameVersion?: (made: number) => string;
}

// Real RSA keys are slow to make: a test file makes each once, and versions of different vaults may share them.
const pairs = new Map<string, Pair>();
const pairOf = (index: number, modulusLength: number, of: string): Pair => {
  const name = `${of} ${modulusLength} ${index}`;
  const pair = pairs.get(name) ?? generateKeyPairSync('rsa', { modulusLength });
  pairs.set(name, pair);
  return pair;
};

/** What was opened once opens again to the same bytes; to decrypt is most of what a rotation here costs. */
const opened = new WeakMap<KeyObject, Map<string, Uint8Array | null>>();

function decrypt({ privateKey }: Pair, algorithm: WrapAlgorithm, blob: Uint8Array): Uint8Array | null {
  const known = opened.get(privateKey) ?? new Map<string, Uint8Array | null>();
  opened.set(privateKey, known);
  const name = `${algorithm} ${Buffer.from(blob).toString('base64')}`;
  const before = known.get(name);
  if (before !== undefined) return before && Uint8Array.from(before);
  let bytes: Uint8Array | null = null;
  try {
    bytes = Uint8Array.from(privateDecrypt({ key: privateKey, ...paddingOf(algorithm) }, blob));
  } catch {
    // not a blob of this key
  }
  if (known.size >= mostOpened) known.clear();
  known.set(name, bytes);
  return bytes && Uint8Array.from(bytes);
}

const mostOpened = 5000;

/** One KEK in memory, with real RSA keys and Key Vault's rules of what works when (disabled: nothing; expired: unwrap only). */
export function fakeKeyVault(options: FakeKeyVaultOptions = {}): Fake<KeyVault, FakeKeyVaultExtra> {
  const { key = fakeKey, now = () => new Date('2026-11-22T12:00:00Z'), effects = [], bits } = options;
  const { nameVersion = (made: number) => `v${made}` } = options;
  const { interfere, run } = interference<KeyVault>(effects);
  const stored: Stored[] = [];
  const wrong = new Map<string, Uint8Array>();
  const listeners: ((kid: string) => void)[] = [];
  let policy: RotationPolicy | null = null;
  let deleted: DeletedKey | null = null;
  let made = 0;

  const add = (version: NewVersion): KeyVersionDetail => {
    const pair = pairOf(made++, bits ?? version.keySize ?? 2048, options.pairs ?? '');
    const { n = '', e = '' } = pair.publicKey.export({ format: 'jwk' });
    const bare = version.version ?? nameVersion(made);
    const detail: KeyVersionDetail = {
      createdOn: now(),
      enabled: true,
      notBefore: null,
      expiresOn: null,
      tags: {},
      keyType: 'RSA',
      keySize: 2048,
      operations: ['wrapKey', 'unwrapKey', 'encrypt', 'decrypt', 'sign', 'verify'],
      ...version,
      version: bare,
      kid: kidOf(key, bare),
      publicKey: { n, e },
    };
    stored.push({ detail, pair });
    for (const told of listeners) told(detail.kid);
    return structuredClone(detail);
  };
  const living = (): readonly Stored[] => (deleted === null ? stored : []);
  const findAny = (kid: string): Stored => {
    const found = sameKey(kid, key) ? living().find(({ detail }) => detail.version === versionOf(kid)) : undefined;
    if (found === undefined) throw new RefusalError('version-not-found', `${kid} was not found.`);
    return found;
  };
  const find = (kid: string): Stored => {
    const found = findAny(kid);
    if (!found.detail.enabled) throw new RefusalError('version-disabled', `${kid} is disabled.`);
    return found;
  };
  const open = (kid: string, algorithm: WrapAlgorithm, blob: Uint8Array): Uint8Array => {
    const { pair, detail } = find(kid);
    refuseOperation(detail, 'unwrapKey');
    const answer = wrong.get(detail.version);
    if (answer !== undefined) return Uint8Array.from(answer);
    const bytes = decrypt(pair, algorithm, blob);
    if (bytes === null) throw new RefusalError('key-vault-refused', `${kid} does not open this blob.`);
    return bytes;
  };
  const close = (kid: string, algorithm: WrapAlgorithm, dataKey: Uint8Array): Uint8Array => {
    const { pair, detail } = find(kid);
    refuseOperation(detail, 'wrapKey');
    const { expiresOn, notBefore } = detail;
    if (expiresOn !== null && expiresOn <= now()) {
      throw new RefusalError('version-expired', `${kid} is expired: it unwraps, but does not wrap.`);
    }
    if (notBefore !== null && notBefore > now()) {
      throw new RefusalError('version-not-yet-valid', `${kid} is not valid yet: it unwraps, but does not wrap.`);
    }
    return Uint8Array.from(publicEncrypt({ key: pair.publicKey, ...paddingOf(algorithm) }, dataKey));
  };
  const current = (reference: string): string => {
    if (versionOf(reference) !== null) return reference;
    const details = sameKey(reference, key) ? living().map(({ detail }) => detail) : [];
    const newest = details.reduce<KeyVersionDetail | null>(
      (latest, each) => (latest === null || each.createdOn >= latest.createdOn ? each : latest),
      null,
    );
    if (newest === null) throw new RefusalError('version-not-found', `${reference} was not found.`);
    return newest.kid;
  };
  const serve = <T>(kid: string | null, work: () => T): T => {
    if (forServices.away) throw new VaultTrouble('Key Vault could not be reached.', true);
    if (kid !== null && forServices.forbidden.has(versionOf(kid) ?? '')) {
      throw new VaultTrouble(`Key Vault refused ${kid} with 403 (ForbiddenByRbac).`, false);
    }
    try {
      return work();
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      throw new VaultTrouble(`Key Vault refused: ${error.message}`, false);
    }
  };
  const forServices = {
    away: false,
    forbidden: new Set<string>(),
    current: (reference: string) => serve(null, () => current(reference)),
    wrap: (kid: string, dataKey: Uint8Array) => serve(kid, () => close(kid, 'RSA-OAEP-256', dataKey)),
    unwrap: (kid: string, blob: Uint8Array) => serve(kid, () => open(kid, 'RSA-OAEP-256', blob)),
    onNewVersion: (told: (kid: string) => void) => {
      listeners.push(told);
    },
  };
  const update = (version: string, columns: Partial<KeyVersionDetail>): void => {
    const found = stored.find(({ detail }) => detail.version === version);
    if (found === undefined) throw new Error(`There is no version ${version} to change.`);
    found.detail = { ...found.detail, ...columns };
  };

  return {
    interfere,
    forServices,
    addVersion: (version = {}) => add(version),
    change: update,
    remove: (version) => {
      stored.splice(
        stored.findIndex(({ detail }) => detail.version === version),
        1,
      );
    },
    setPolicy: (wanted) => {
      policy = wanted && { expiresIn: null, rotatesAfterCreate: null, rotatesBeforeExpiry: null, ...wanted };
    },
    softDelete: (key) => {
      deleted = key;
    },
    recover: () => {
      deleted = null;
    },
    answerWrongly: (version, bytes) => {
      if (bytes === null) wrong.delete(version);
      else wrong.set(version, bytes);
    },
    opens: (kid, algorithm, blob) => {
      const found = sameKey(kid, key) ? living().find(({ detail }) => detail.version === versionOf(kid)) : undefined;
      return found?.detail.enabled ? decrypt(found.pair, algorithm, blob) : null;
    },
    wouldOpen: (kid, algorithm, blob) => {
      const found = sameKey(kid, key) ? stored.find(({ detail }) => detail.version === versionOf(kid)) : undefined;
      return found === undefined ? null : decrypt(found.pair, algorithm, blob);
    },
    look: () => stored.map(({ detail }) => detail),
    versions: (asked) =>
      run('versions', '', () => {
        const listed = sameKey(asked, key) ? living() : [];
        return structuredClone(
          listed.map(({ detail: { version, kid, createdOn, enabled, notBefore, expiresOn, tags } }) => {
            return { version, kid, createdOn, enabled, notBefore, expiresOn, tags };
          }),
        );
      }),
    version: (kid) => run('version', `${versionOf(kid)}`, () => structuredClone(find(kid).detail)),
    deleted: () => run('deleted', '', () => structuredClone(deleted)),
    rotationPolicy: () => run('rotationPolicy', '', () => structuredClone(deleted === null ? policy : null)),
    setRotationPolicy: (_key, wanted) =>
      run('setRotationPolicy', '', () => {
        policy = structuredClone(wanted);
      }),
    createVersion: (asked, { like, expiresOn, tags }) =>
      run('createVersion', '', () => {
        const parsed = parseKeyIdentifier(asked);
        if (parsed === null || !sameKey(asked, key)) throw new RefusalError('key-not-found', `${asked} was not found.`);
        if (deleted !== null) throw new RefusalError('key-deleted', `${asked} is deleted; recover it in the vault.`);
        const { keyType, keySize, operations } = like;
        return add({ keyType, keySize, operations, expiresOn, tags });
      }),
    setEnabled: (kid, enabled) =>
      run('setEnabled', `${versionOf(kid)} ${enabled}`, () => {
        findAny(kid);
        update(versionOf(kid) ?? '', { enabled });
      }),
    setExpiry: (kid, expiresOn) =>
      run('setExpiry', `${versionOf(kid)} ${expiresOn?.toISOString() ?? 'never'}`, () => {
        findAny(kid);
        update(versionOf(kid) ?? '', { expiresOn });
      }),
    unwrap: (kid, algorithm, blob) => run('unwrap', `${versionOf(kid)}`, () => open(kid, algorithm, blob)),
    wrap: (kid, algorithm, dataKey) => run('wrap', `${versionOf(kid)}`, () => close(kid, algorithm, dataKey)),
  };
}

function refuseOperation({ kid, operations }: KeyVersionDetail, operation: 'wrapKey' | 'unwrapKey'): void {
  if (operations.includes(operation)) return;
  throw new RefusalError('key-vault-forbidden', `${kid} is not permitted to ${operation}.`);
}

function paddingOf(algorithm: WrapAlgorithm): { padding: number; oaepHash: string } {
  return { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: algorithm === 'RSA-OAEP' ? 'sha1' : 'sha256' };
}
