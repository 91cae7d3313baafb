import { createHash } from 'node:crypto';
import type { Sandbox } from './bring-up';
import { versionOf } from './contract';
import { makeRecords, type OwnedRecord, openRecord, type PublicJwk, renewRecord } from './owner';
import { names, resourceIds } from './seed';
import { unwrapper } from './sources';

const VAULT_API = '7.4';
const HUB_API = '2023-06-30-preview';
const DPS_API = '2020-09-01-preview';
const VAULT_AUDIENCE = 'https://vault.azure.net';
const ARM_AUDIENCE = 'https://management.azure.com';

export interface WantedVersion {
  readonly enabled?: boolean;
  readonly notBefore?: Date;
  readonly operations?: readonly string[];
}

export interface ShownVersion {
  readonly version: string;
  readonly enabled: boolean;
  readonly expiresOn: Date | null;
}

interface KeyItem {
  readonly kid: string;
  readonly attributes: { readonly enabled: boolean; readonly exp?: number };
}

interface Resource {
  readonly etag: string;
  readonly properties: {
    readonly state: string;
    readonly encryption: { readonly keyVaultProperties: readonly { readonly keyIdentifier: string }[] };
  };
}

interface Policies {
  readonly value: readonly { readonly keyName: string; readonly primaryKey: string; readonly secondaryKey: string }[];
}

/** The people beside Keyturn: an administrator of the same vault, hub and DPS, and the owner of the data keys. Azure's APIs alone. */
export class People {
  readonly #sandbox: Sandbox;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  /** The administrator makes a version of the KEK by hand. @returns the bare version */
  async createVersion({ enabled = true, notBefore, operations }: WantedVersion): Promise<string> {
    const attributes = { enabled, ...(notBefore && { nbf: Math.floor(notBefore.getTime() / 1000) }) };
    const body = { kty: 'RSA', key_size: 2048, attributes, ...(operations && { key_ops: operations }) };
    const made = await this.#vault<{ key: { kid: string } }>(`${this.#sandbox.key}/create`, 'POST', body);
    return versionOf(made.key.kid) ?? '';
  }

  /** The administrator gives a version another expiry. */
  async setExpiry(version: string, expiresOn: Date): Promise<void> {
    const attributes = { exp: Math.floor(expiresOn.getTime() / 1000) };
    await this.#vault(`${this.#sandbox.key}/${version}`, 'PATCH', { attributes });
  }

  /** The administrator disables the key that signs histories, or enables it again. */
  async letAuditKeySign(may: boolean): Promise<void> {
    const auditKey = this.#sandbox.key.replace(/[^/]+$/, names.auditKey);
    const { key } = await this.#vault<{ key: { kid: string } }>(auditKey, 'GET');
    await this.#vault(key.kid, 'PATCH', { attributes: { enabled: may } });
  }

  async version(wanted: string): Promise<ShownVersion> {
    const { value } = await this.#vault<{ value: readonly KeyItem[] }>(`${this.#sandbox.key}/versions`, 'GET');
    const found = value.find(({ kid }) => versionOf(kid) === wanted);
    const exp = found?.attributes.exp;
    return {
      version: wanted,
      enabled: found?.attributes.enabled ?? false,
      expiresOn: exp === undefined ? null : new Date(exp * 1000),
    };
  }

  /** Tags, which are nobody's business but the administrator's, and change the hub's ETag. */
  async tagHub(tags: Readonly<Record<string, string>>): Promise<void> {
    await this.#arm(resourceIds.hub, HUB_API, 'PATCH', { tags });
  }

  async hubTags(): Promise<Readonly<Record<string, string>>> {
    return (await this.#arm<{ tags: Record<string, string> }>(resourceIds.hub, HUB_API, 'GET')).tags;
  }

  /** A deployment writes the hub as it was written once, with the key identifier of then; its SAS keys it knows. */
  async redeployHub(version: string): Promise<void> {
    const hub = await this.#arm<Resource>(resourceIds.hub, HUB_API, 'GET');
    const { value } = await this.#arm<Policies>(`${resourceIds.hub}/listkeys`, HUB_API, 'POST');
    const [reference] = hub.properties.encryption.keyVaultProperties;
    const keyVaultProperties = [{ ...reference, keyIdentifier: `${this.#sandbox.key}/${version}` }];
    const encryption = { ...hub.properties.encryption, keyVaultProperties };
    const body = { ...hub, properties: { ...hub.properties, encryption, authorizationPolicies: value } };
    const headers = { 'if-match': hub.etag, 'user-agent': 'a deployment pipeline' };
    await this.#arm(resourceIds.hub, HUB_API, 'PUT', body, headers);
  }

  /** Whether the hub takes changes again, and which version it names. */
  async hubStands(): Promise<{ readonly active: boolean; readonly version: string | null }> {
    const { properties } = await this.#arm<Resource>(resourceIds.hub, HUB_API, 'GET');
    const [reference] = properties.encryption.keyVaultProperties;
    return { active: properties.state === 'Active', version: versionOf(reference?.keyIdentifier) };
  }

  /** The administrator gives the KEK a rotation policy under which new versions live so many days. */
  async setRotationPolicy(days: number): Promise<void> {
    const body = { lifetimeActions: [], attributes: { expiryTime: `P${days}D` } };
    await this.#vault(`${this.#sandbox.key}/rotationpolicy`, 'PUT', body);
  }

  /** A digest of each SAS key of hub and DPS, by `<service> <policy> <slot>`. */
  async sasKeys(): Promise<Readonly<Record<string, string>>> {
    const hub = await this.#arm<Policies>(`${resourceIds.hub}/listkeys`, HUB_API, 'POST');
    const dps = await this.#arm<Policies>(`${resourceIds.dps}/listkeys`, DPS_API, 'POST');
    const digests = (service: string, { value }: Policies) =>
      value.flatMap((policy) =>
        (['primaryKey', 'secondaryKey'] as const).map((slot) => {
          const digest = createHash('sha256').update(policy[slot]).digest('base64url');
          return [`${service} ${policy.keyName} ${slot}`, digest] as const;
        }),
      );
    return Object.fromEntries([...digests('hub', hub), ...digests('dps', dps)]);
  }

  /** Takes the role that a service's identity uses the KEK with; reads that fail from now on are not held against the rotation. */
  async takeKeyFrom(identity: 'hub-identity' | 'dps-identity'): Promise<void> {
    const standIn = identity === 'hub-identity' ? 'iotHub' : 'dps';
    this.#sandbox.faults.begin(`role of ${identity}`, { standIn, principal: identity });
    await this.#role('DELETE', identity, KEY_USER, `key:${names.vault}/${names.key}`);
  }

  async giveKeyBackTo(identity: 'hub-identity' | 'dps-identity'): Promise<void> {
    await this.#role('POST', identity, KEY_USER, `key:${names.vault}/${names.key}`);
    this.#sandbox.faults.end(`role of ${identity}`);
  }

  /** Somebody deletes the key; the vault keeps it for its owner to recover. */
  async deleteKey(): Promise<void> {
    await this.#vault(this.#sandbox.key, 'DELETE');
  }

  async recoverKey(): Promise<void> {
    await this.#vault(`${this.#sandbox.key.replace('/keys/', '/deletedkeys/')}/recover`, 'POST');
  }

  /** Reads that fail from now on fail on purpose. */
  expectRevocation(): void {
    this.#sandbox.faults.begin('the revocation', { standIn: 'keyVault' });
  }

  endRevocation(): void {
    this.#sandbox.faults.end('the revocation');
  }

  /** Whether Keyturn itself may change the hub. */
  async letKeyturnChangeHub(may: boolean): Promise<void> {
    await this.#role(may ? 'POST' : 'DELETE', 'keyturn', 'Contributor', `hub:${names.hub}`);
  }

  /** The owner stores one more record, wrapped with a version that he remembers; 0 others are touched. @returns its row key */
  async storeRecordUnder(version: string): Promise<string> {
    const [made] = makeRecords(1, 'late', await this.#publicKey(version));
    if (made === undefined) throw new Error('no record was made');
    await this.#sandbox.table.createEntity({ ...made });
    return made.rowKey;
  }

  /** Somebody opens what was wrapped with a version of the KEK long ago, by asking the vault with an identity of his own. */
  async openArchive(identity: string, version: string): Promise<void> {
    const { wire, tokens } = this.#sandbox;
    const [archived] = makeRecords(1, 'archive', await this.#publicKey(version));
    if (archived === undefined) throw new Error('no record was made');
    await unwrapper(wire, tokens, identity)(archived.kid, archived.alg, archived.blob);
  }

  /** The owner puts one document under a new data key, wrapped with the version that the vault names now. */
  async replaceDataKey(rowKey: string): Promise<void> {
    const { table, wire, tokens } = this.#sandbox;
    const record = { ...(await table.getEntity<OwnedRecord>(RECORDS, rowKey)), partitionKey: RECORDS, rowKey };
    const text = await openRecord(record, unwrapper(wire, tokens));
    const { partitionKey, kid, alg, blob, check, document } = renewRecord(record, text, await this.#publicKey(''));
    // His own columns alone: he knows nothing of what others keep beside them.
    await table.updateEntity({ partitionKey, rowKey, kid, alg, blob, check, document }, 'Merge');
  }

  /** The version that a record names. */
  async versionOfRecord(rowKey: string): Promise<string | null> {
    return versionOf((await this.#sandbox.table.getEntity<OwnedRecord>(RECORDS, rowKey)).kid);
  }

  /** How many records keep an old blob beside the present one. */
  async oldBlobs(): Promise<number> {
    let kept = 0;
    for await (const record of this.#sandbox.table.listEntities<{ previous?: string }>()) {
      if (typeof record.previous === 'string' && record.previous !== '') kept += 1;
    }
    return kept;
  }

  async #publicKey(version: string): Promise<PublicJwk> {
    return (await this.#vault<{ key: PublicJwk }>(`${this.#sandbox.key}/${version}`, 'GET')).key;
  }

  async #vault<T>(url: string, method: string, body?: object): Promise<T> {
    const { wire, tokens } = this.#sandbox;
    const headers = await tokens.header('admin', VAULT_AUDIENCE);
    return wire.ask<T>(`${url.replace(/\/$/, '')}?api-version=${VAULT_API}`, { method, body, headers });
  }

  async #arm<T>(
    resource: string,
    apiVersion: string,
    method: string,
    body?: object,
    more: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const { wire, tokens, cloud } = this.#sandbox;
    const headers = { ...(await tokens.header('admin', ARM_AUDIENCE)), ...more };
    return wire.ask<T>(`${cloud.arm}${resource}?api-version=${apiVersion}`, { method, body, headers });
  }

  async #role(method: 'POST' | 'DELETE', identity: string, role: string, scope: string): Promise<void> {
    const { wire, cloud } = this.#sandbox;
    await wire.ask(`${cloud.control}/role-assignments`, { method, body: { identity, role, scope } });
  }
}

const KEY_USER = 'Key Vault Crypto Service Encryption User';

/** Partition of the records that were there at the start. */
const RECORDS = 'fleet';
