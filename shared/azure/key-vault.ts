import type { TokenCredential } from '@azure/core-auth';
import type { HttpClient } from '@azure/core-rest-pipeline';
import {
  CryptographyClient,
  KeyClient,
  type KeyProperties,
  type KeyRotationPolicyProperties,
  type KeyVaultKey,
  type UpdateKeyPropertiesOptions,
} from '@azure/keyvault-keys';
import { RefusalError } from '../rotation/errors';
import { parseKeyIdentifier } from '../rotation/key-identifier';
import type { DeletedKey, KeyVault, KeyVersion, KeyVersionDetail, RotationPolicy } from '../rotation/ports';
import { statusOf } from './error-body';
import { firstAlone, type Gate } from './first-alone';
import { clientOptions, requestTimeouts } from './requests';
import { attempt } from './status-codes';

export interface KeyVaultOptions {
  /** Whether a vault (or a key in it) is in the configuration; nothing is sent to any other. */
  readonly isConfigured: (url: string) => boolean;
  readonly verifyChallengeResource: boolean;
  readonly httpClient?: HttpClient;
  /** For wraps and unwraps, which come by the hundred thousand; else as the others. */
  readonly bulkHttpClient?: HttpClient;
}

/** Key Vault keys through the Azure SDK, a client for each vault and for each key version it works with. */
export function createKeyVault(credential: TokenCredential, options: KeyVaultOptions): KeyVault {
  const { inVault, withVersion } = createClients(credential, options);
  const changeVersion = async (kid: string, change: UpdateKeyPropertiesOptions, what: string): Promise<KeyVersion> => {
    const { vaultUrl, name, version } = readKid(kid, options);
    return ask(what, async () =>
      toVersion((await inVault(vaultUrl, (client) => client.updateKeyProperties(name, version, change))).properties),
    );
  };
  return {
    async versions(key) {
      const { vaultUrl, name } = readIdentifier(key, options);
      return ask(`list the versions of ${key}`, () => inVault(vaultUrl, (client) => listVersions(client, name)));
    },
    async version(kid) {
      const { vaultUrl, name, version } = readKid(kid, options);
      return ask(`read ${kid}`, async () =>
        toDetail(await inVault(vaultUrl, (client) => client.getKey(name, { version }))),
      );
    },
    async rotationPolicy(key) {
      const { vaultUrl, name } = readIdentifier(key, options);
      return ask(`read the rotation policy of ${key}`, () => inVault(vaultUrl, (client) => readPolicy(client, name)));
    },
    async setRotationPolicy(key, policy) {
      const { vaultUrl, name } = readIdentifier(key, options);
      const what = `set the rotation policy of ${key}`;
      const told = await ask(what, () =>
        inVault(vaultUrl, async (client) => {
          await client.updateKeyRotationPolicy(name, toPolicyProperties(policy));
          return readPolicy(client, name);
        }),
      );
      const { expiresIn, rotatesBeforeExpiry, rotatesAfterCreate } = policy;
      const same =
        told?.expiresIn === expiresIn &&
        told.rotatesBeforeExpiry === rotatesBeforeExpiry &&
        told.rotatesAfterCreate === rotatesAfterCreate;
      if (!same)
        throw new RefusalError(
          'policy-not-changed',
          `Key Vault accepted the rotation policy of ${key}, but tells of another.`,
        );
    },
    async deleted(key) {
      const { vaultUrl, name } = readIdentifier(key, options);
      return ask(`look for ${key} among the deleted keys`, () =>
        inVault(vaultUrl, (client) => findDeleted(client, name)),
      );
    },
    async createVersion(key, { like, expiresOn, tags }) {
      const { vaultUrl, name } = readIdentifier(key, options);
      refuseUnsendable(expiresOn);
      const wanted = {
        keyOps: [...like.operations],
        tags,
        ...(like.keySize === 0 ? {} : { keySize: like.keySize }),
        ...(expiresOn === null ? {} : { expiresOn }),
      };
      return ask(`create a version of ${key}`, async () =>
        toDetail(await inVault(vaultUrl, (client) => client.createKey(name, like.keyType, wanted))),
      );
    },
    async setEnabled(kid, enabled) {
      const changed = await changeVersion(kid, { enabled }, `${enabled ? 'enable' : 'disable'} ${kid}`);
      if (changed.enabled !== enabled) throw notChanged(kid, `${enabled ? 'enabled' : 'disabled'}`);
    },
    async setExpiry(kid, expiresOn) {
      refuseUnsendable(expiresOn);
      const until = expiresOn?.toISOString() ?? 'never';
      // The SDK leaves out what is undefined and sends null. Whether null takes an expiry away is documented nowhere.
      const changed = await changeVersion(kid, { expiresOn: expiresOn as Date }, `let ${kid} expire ${until}`);
      if (secondsOf(changed.expiresOn) !== secondsOf(expiresOn)) throw notChanged(kid, `made to expire ${until}`);
    },
    async unwrap(kid, algorithm, blob) {
      readKid(kid, options);
      return ask(`unwrap with ${kid}`, () => withVersion(kid, (crypto) => crypto.unwrapKey(algorithm, blob)));
    },
    async wrap(kid, algorithm, dataKey) {
      readKid(kid, options);
      return ask(`wrap with ${kid}`, () => withVersion(kid, (crypto) => crypto.wrapKey(algorithm, dataKey)));
    },
  };
}

async function listVersions(client: KeyClient, name: string): Promise<KeyVersion[]> {
  const found: KeyVersion[] = [];
  try {
    for await (const properties of client.listPropertiesOfKeyVersions(name)) found.push(toVersion(properties));
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
  return found;
}

function toPolicyProperties(policy: RotationPolicy): KeyRotationPolicyProperties {
  const { expiresIn, rotatesAfterCreate, rotatesBeforeExpiry, notifiesBeforeExpiry } = policy;
  return {
    ...(expiresIn === null ? {} : { expiresIn }),
    lifetimeActions: [
      ...(rotatesAfterCreate === null ? [] : [{ action: 'Rotate' as const, timeAfterCreate: rotatesAfterCreate }]),
      ...(rotatesBeforeExpiry === null ? [] : [{ action: 'Rotate' as const, timeBeforeExpiry: rotatesBeforeExpiry }]),
      ...(notifiesBeforeExpiry === undefined
        ? []
        : [{ action: 'Notify' as const, timeBeforeExpiry: notifiesBeforeExpiry }]),
    ],
  };
}

async function findDeleted(client: KeyClient, name: string): Promise<DeletedKey | null> {
  try {
    const { properties } = await client.getDeletedKey(name);
    return { deletedOn: properties.deletedOn ?? null, purgedOn: properties.scheduledPurgeDate ?? null };
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

async function readPolicy(client: KeyClient, name: string): Promise<RotationPolicy | null> {
  try {
    const { expiresIn, lifetimeActions = [] } = await client.getKeyRotationPolicy(name);
    const rotates = lifetimeActions.find(({ action }) => action === 'Rotate');
    const notifies = lifetimeActions.find(({ action }) => action === 'Notify')?.timeBeforeExpiry;
    return {
      expiresIn: expiresIn ?? null,
      rotatesAfterCreate: rotates?.timeAfterCreate ?? null,
      rotatesBeforeExpiry: rotates?.timeBeforeExpiry ?? null,
      ...(notifies === undefined ? {} : { notifiesBeforeExpiry: notifies }),
    };
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** What the vault answered counts, not that it answered (I12). */
const notChanged = (kid: string, wanted: string): RefusalError =>
  new RefusalError('version-not-changed', `Key Vault accepted that ${kid} be ${wanted}, but says that it is not.`);

/** Key Vault keeps whole seconds. */
const secondsOf = (date: Date | null): number | null => date && Math.floor(date.getTime() / 1000);

/** keyvault-keys 4.10.2 sends dates as 32-bit seconds: one past this would arrive as one in the last century. */
const lastSendableDate = new Date((2 ** 31 - 1) * 1000);

function refuseUnsendable(expiresOn: Date | null): void {
  if (expiresOn === null || expiresOn <= lastSendableDate) return;
  throw new RefusalError(
    'expiry-too-late',
    `An expiry after ${lastSendableDate.toISOString()} cannot be set with this SDK. Shorten "expiryTime" in the key's rotation policy.`,
  );
}

const ask = <T>(what: string, work: () => Promise<T>): Promise<T> => attempt({ service: 'key-vault', what }, work);

// --- Clients -------------------------------------------------------------------------------------------------------------

function createClients(credential: TokenCredential, settings: KeyVaultOptions) {
  const { verifyChallengeResource, httpClient: usual, bulkHttpClient = usual } = settings;
  const options = (address: string, httpClient = usual) => ({
    ...clientOptions(requestTimeouts.read, address),
    disableChallengeResourceVerification: !verifyChallengeResource,
    ...(httpClient === undefined ? {} : { httpClient }),
  });
  const vaults = new Map<string, { client: KeyClient; gate: Gate }>();
  const versions = new Map<string, { client: CryptographyClient; gate: Gate }>();
  return {
    inVault<T>(vaultUrl: string, work: (client: KeyClient) => Promise<T>): Promise<T> {
      const create = () => ({ client: new KeyClient(vaultUrl, credential, options(vaultUrl)), gate: firstAlone() });
      const { client, gate } = remember(vaults, vaultUrl, create);
      return gate(() => work(client));
    },
    async withVersion(kid: string, work: (client: CryptographyClient) => Promise<{ result: Uint8Array }>) {
      const create = () => ({
        client: new CryptographyClient(serviceSideKey(kid), credential, options(kid, bulkHttpClient)),
        gate: firstAlone(),
      });
      const { client, gate } = remember(versions, kid, create, mostVersions);
      return (await gate(() => work(client))).result;
    },
  };
}

/**
 * A key of which the SDK knows no more than its identifier. Given the identifier as a string, CryptographyClient 4.10.2 first
 * reads the key (a permission more, refused for a disabled version), refuses an expired version by its own clock although
 * the service still unwraps with it, and wraps locally with whatever public key it read. Without dates and without key
 * material it can do nothing but ask the service.
 */
export function serviceSideKey(kid: string): KeyVaultKey {
  const { vaultUrl, name, version } = parseKeyIdentifier(kid) ?? { vaultUrl: '', name: '', version: null };
  return { id: kid, name, properties: { vaultUrl, name, ...(version === null ? {} : { version }) } };
}

/**
 * Clients of versions that are kept, those that were used last; vaults are as many as the configuration has. Every rotation brings a version that
 * nothing uses a week later, and records may name any number of versions that are not there.
 */
const mostVersions = 256;

function remember<T>(known: Map<string, T>, name: string, create: () => T, most = Number.POSITIVE_INFINITY): T {
  const value = known.get(name) ?? create();
  known.delete(name);
  known.set(name, value);
  const [unusedLongest] = known.keys();
  if (known.size > most && unusedLongest !== undefined) known.delete(unusedLongest);
  return value;
}

// --- Identifiers ---------------------------------------------------------------------------------------------------------

/** Checked before any request: an event or a record may name a vault of a stranger, and the request would carry our token. */
function readIdentifier(text: string, { isConfigured }: KeyVaultOptions) {
  const identifier = parseKeyIdentifier(text);
  if (identifier === null) throw new RefusalError('key-identifier', `"${text.slice(0, 200)}" is not a key identifier.`);
  if (!isConfigured(identifier.vaultUrl)) {
    const next = 'Name a key of this vault in rotation.json if it is yours; no request was sent.';
    throw new RefusalError('vault-not-configured', `${identifier.vaultUrl} is not a configured vault. ${next}`);
  }
  return identifier;
}

function readKid(kid: string, options: KeyVaultOptions) {
  const { vaultUrl, name, version } = readIdentifier(kid, options);
  if (version === null) throw new RefusalError('key-identifier', `${kid} names no version.`);
  return { vaultUrl, name, version };
}

// --- Answers -------------------------------------------------------------------------------------------------------------

function toVersion(properties: KeyProperties): KeyVersion {
  const { version = '', id = '', createdOn, enabled, notBefore, expiresOn, tags } = properties;
  return {
    version,
    kid: id,
    createdOn: createdOn ?? new Date(0),
    enabled: enabled ?? true,
    notBefore: notBefore ?? null,
    expiresOn: expiresOn ?? null,
    tags: tags ?? {},
  };
}

function toDetail({ id, keyType, keyOperations, key, properties }: KeyVaultKey): KeyVersionDetail {
  const rsa = key?.n !== undefined && key.e !== undefined ? { n: key.n, e: key.e } : null;
  return {
    ...toVersion({ ...properties, ...(id === undefined ? {} : { id }) }),
    keyType: keyType ?? key?.kty ?? '',
    keySize: rsa === null ? 0 : bitsOf(rsa.n),
    operations: keyOperations ?? [],
    publicKey: rsa && { n: Buffer.from(rsa.n).toString('base64url'), e: Buffer.from(rsa.e).toString('base64url') },
  };
}

/** A modulus may come with leading zero bytes. */
function bitsOf(modulus: Uint8Array): number {
  const first = modulus.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (modulus.length - first) * 8;
}
