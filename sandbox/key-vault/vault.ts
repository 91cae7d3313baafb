import { join } from 'node:path';
import type { VaultSeed } from '../cloud/seed';
import type { CloudContext } from '../kit';
import { Calendar } from './calendar';
import { badParameter, KeyVaultError, keyNotFound } from './errors';
import {
  currentVersion,
  type Key,
  type KeyVersion,
  policyOf,
  readAttributes,
  readKeyOps,
  readTags,
  requireOrderedDates,
} from './key';
import { type KeyEventType, keyEvent } from './key-event';
import { type Curve, KeyMaterial } from './key-material';
import { KeyStore } from './key-store';
import { type NewVersion, readKeyName, readNewVersion, versionOf } from './new-version';
import { OperationLog } from './operation-log';
import { Quota } from './quota';
import { expiryOf, type RotationPolicy, readPolicy } from './rotation-policy';
import { seededKey } from './seeded-key';
import { Tally } from './tally';

const RECOVERABLE_DAYS = 90;
const DAY_SECONDS = 86_400;

/** One vault: its keys and what can be done to them, without HTTP and without asking who does it. */
export class Vault {
  readonly name: string;
  readonly resourceId: string;
  readonly recovery: { purgeProtection: boolean; recoverableDays: number };
  readonly quota: Quota;
  readonly log = new OperationLog();
  readonly tally = new Tally();
  /** Names of the identities that the network rules let in; undefined lets everybody in. */
  readonly reachableBy: readonly string[] | undefined;
  /** Known once the server listens; key identifiers begin with it. */
  url = '';
  readonly #context: CloudContext;
  readonly #store: KeyStore;
  readonly #calendar: Calendar;
  readonly #rotatingByPolicy = new Map<string, Promise<void>>();

  /** @param directory keeps the keys. */
  constructor(context: CloudContext, seed: VaultSeed, directory: string) {
    this.name = seed.name;
    this.resourceId =
      seed.resourceId ??
      `/subscriptions/${context.subscriptionId}/resourceGroups/${context.resourceGroup}/providers/Microsoft.KeyVault/vaults/${seed.name}`;
    this.recovery = { purgeProtection: seed.purgeProtection ?? true, recoverableDays: RECOVERABLE_DAYS };
    this.reachableBy = seed.networkAcls?.['defaultAction'] === 'Deny' ? (seed.reachableBy ?? []) : undefined;
    this.#context = context;
    this.quota = new Quota(() => context.clock.nowMilliseconds());
    this.#store = new KeyStore(join(directory, `vault-${seed.name}.json`));
    this.#calendar = new Calendar(context.clock, {
      rotateIfDue: (key) => this.rotateIfDue(key.name),
      tellNearExpiry: (key) => this.tellNearExpiry(key.name),
      tellExpired: (key) => this.tellExpired(key.name),
      purge: (key) => this.#purge(key),
    });
  }

  /** Makes the seeded keys, unless this vault already has keys on disk. */
  async seed(seed: VaultSeed): Promise<void> {
    if (!this.#store.restored) {
      const now = this.#context.clock.nowMilliseconds();
      for (const key of await Promise.all(seed.keys.map((wanted) => seededKey(wanted, now)))) this.#store.put(key);
    }
    this.#store.save();
    for (const key of this.#store.keys.values()) this.#calendar.refresh(key);
  }

  nowSeconds(): number {
    return Math.floor(this.nowMilliseconds() / 1000);
  }

  nowMilliseconds(): number {
    return this.#context.clock.nowMilliseconds();
  }

  list(deleted: boolean): Key[] {
    const keys = [...this.#store.keys.values()].filter((key) => (key.deleted !== undefined) === deleted);
    return keys.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws KeyVaultError 404 */
  key(name: string): Key {
    const key = this.#store.find(name);
    if (key === undefined || key.deleted !== undefined) throw keyNotFound(name);
    return key;
  }

  /** Without a version the current one. @throws KeyVaultError 404 */
  version(name: string, version: string | undefined): { key: Key; version: KeyVersion } {
    const key = this.key(name);
    const found =
      version === undefined
        ? currentVersion(key)
        : key.versions.find((other) => other.version === version.toLowerCase());
    if (found === undefined) throw keyNotFound(name, version);
    return { key, version: found };
  }

  /** A key, or the next version of the one that has this name: Key Vault has no conditional create. @throws KeyVaultError 400, 409 */
  async create(name: string, body: unknown): Promise<{ key: Key; version: KeyVersion }> {
    readKeyName(name);
    const wanted = readNewVersion(body);
    this.#refuseDeleted(name);
    const made = await this.#addVersion(name, wanted);
    this.#tell('KeyNewVersionCreated', made.key, made.version);
    return made;
  }

  /** The next version, like the current one, with the life that the policy gives. @throws KeyVaultError 404 */
  async rotate(name: string): Promise<{ key: Key; version: KeyVersion }> {
    const key = this.key(name);
    const current = currentVersion(key);
    const curve = current.material.publicMembers()['crv'] as Curve | undefined;
    const { kty, size, keyOps, tags } = current;
    const made = await this.#addVersion(name, { kty, size, curve, keyOps, tags, attributes: {} }, policyOf(key));
    this.#tell('KeyNewVersionCreated', made.key, made.version);
    return made;
  }

  /**
   * Lets the key's own policy rotate it now, whenever it would be due: what a scenario asks for. Without a Rotate action in the
   * policy there is nothing to run. @throws KeyVaultError 400, 404
   */
  async runPolicy(name: string): Promise<void> {
    const actions = policyOf(this.key(name)).lifetimeActions;
    if (!actions.some(({ action }) => action.type === 'Rotate'))
      throw badParameter(`The policy of key '${name}' has no Rotate action.`);
    await this.rotateIfDue(name);
  }

  /** What the policy does when its Rotate action is due: done by nobody, and by two who ask at once only once. */
  rotateIfDue(name: string): Promise<void> {
    const rotating =
      this.#rotatingByPolicy.get(name) ?? this.#rotateByPolicy(name).finally(() => this.#rotatingByPolicy.delete(name));
    this.#rotatingByPolicy.set(name, rotating);
    return rotating;
  }

  async #rotateByPolicy(name: string): Promise<void> {
    const { version } = await this.rotate(name);
    this.log.append({
      time: this.#context.clock.now().toISOString(),
      vault: this.name,
      operationName: 'KeyRotateIfDue',
      key: name,
      version: version.version,
      principalId: undefined,
      identity: undefined,
      status: 200,
    });
  }

  /** Changes what the body names and leaves the rest. @throws KeyVaultError 400, 404 */
  update(name: string, versionName: string | undefined, body: unknown): { key: Key; version: KeyVersion } {
    const { key, version } = this.version(name, versionName);
    const { attributes, tags, key_ops } = (body ?? {}) as Record<string, unknown>;
    const given = readAttributes(attributes);
    const newTags = readTags(tags);
    const newOps = readKeyOps(key_ops, version.kty);
    const exp = given.exp ?? version.exp;
    requireOrderedDates(given.nbf ?? version.nbf, exp);
    if (exp !== version.exp) {
      version.nearExpiryTold = false;
      version.expiredTold = false;
    }
    version.enabled = given.enabled ?? version.enabled;
    version.nbf = given.nbf ?? version.nbf;
    version.exp = exp;
    version.tags = newTags ?? version.tags;
    version.keyOps = newOps ?? version.keyOps;
    version.updated = this.nowSeconds();
    this.#changed(key);
    return { key, version };
  }

  /** @throws KeyVaultError 400, 404 */
  setPolicy(name: string, body: unknown): Key {
    const key = this.key(name);
    key.policy = readPolicy(body, policyOf(key), this.nowSeconds());
    this.#changed(key);
    return key;
  }

  /** Soft delete: nothing can be done with the key, and its name is taken, until it is recovered or purged. @throws KeyVaultError 404 */
  remove(name: string): Key {
    const key = this.key(name);
    const on = this.nowSeconds();
    key.deleted = { on, purgeOn: on + RECOVERABLE_DAYS * DAY_SECONDS };
    this.#changed(key);
    return key;
  }

  /** @throws KeyVaultError 404 */
  deletedKey(name: string): Key {
    const key = this.#store.find(name);
    if (key?.deleted === undefined) throw keyNotFound(name);
    return key;
  }

  /** @throws KeyVaultError 404 */
  recover(name: string): Key {
    const key = this.deletedKey(name);
    key.deleted = undefined;
    this.#changed(key);
    return key;
  }

  /** @throws KeyVaultError 403 under purge protection, 404 */
  purge(name: string): void {
    const key = this.deletedKey(name);
    if (this.recovery.purgeProtection) {
      throw new KeyVaultError(
        403,
        'Forbidden',
        'Operation "purge" is not allowed because purge protection is enabled for this vault.',
      );
    }
    this.#purge(key);
  }

  /** Publishes `KeyNearExpiry` of a version, the current one if none is named. @throws KeyVaultError 404 */
  tellNearExpiry(name: string, versionName?: string): void {
    const { key, version } = this.version(name, versionName);
    version.nearExpiryTold = true;
    this.#store.save();
    this.#tell('KeyNearExpiry', key, version);
  }

  /** Publishes `KeyExpired` of a version, the current one if none is named. @throws KeyVaultError 404 */
  tellExpired(name: string, versionName?: string): void {
    const { key, version } = this.version(name, versionName);
    version.expiredTold = true;
    this.#store.save();
    this.#tell('KeyExpired', key, version);
  }

  /** @param policy gives the version its life, counted from its own creation; without one the request does. */
  async #addVersion(
    name: string,
    wanted: NewVersion,
    policy?: RotationPolicy,
  ): Promise<{ key: Key; version: KeyVersion }> {
    const material =
      wanted.curve === undefined
        ? await KeyMaterial.generateRsa(wanted.size)
        : await KeyMaterial.generateEc(wanted.curve);
    this.#refuseDeleted(name);
    const created = this.nowSeconds();
    const exp = policy === undefined ? wanted.attributes.exp : expiryOf(policy, created);
    const version = versionOf(wanted, material, created, exp);
    const key = this.#store.find(name) ?? { name, versions: [], policy: undefined, deleted: undefined };
    key.versions.push(version);
    this.#store.put(key);
    this.#changed(key);
    return { key, version };
  }

  #refuseDeleted(name: string): void {
    if (this.#store.find(name)?.deleted === undefined) return;
    throw new KeyVaultError(
      409,
      'Conflict',
      `Key ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged.`,
      'ObjectIsDeletedButRecoverable',
    );
  }

  #purge(key: Key): void {
    this.#calendar.forget(key);
    this.#store.remove(key.name);
    this.#store.save();
  }

  #changed(key: Key): void {
    this.#store.save();
    this.#calendar.refresh(key);
  }

  #tell(type: KeyEventType, key: Key, version: KeyVersion): void {
    this.#context.bus.publish(keyEvent(type, this, key, version));
  }
}
