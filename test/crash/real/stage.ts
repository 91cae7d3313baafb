import { join } from 'node:path';
import { AskedFaults } from '../../../sandbox/run/asked-faults';
import { type Alert, type AuditVerification, type Page, type Rotation, versionOf } from '../../../sandbox/run/contract';
import type { KeyView } from '../../../sandbox/run/operator';
import type { OwnedRecord } from '../../../sandbox/run/owner';
import { ContinuousReader, type Stock, takeStock } from '../../../sandbox/run/readers';
import { dpsResourceId, hubResourceId, names } from '../../../sandbox/run/seed';
import { documents, enrollments, twins } from '../../../sandbox/run/sources';
import { type ChainedRecord, readExport } from '../../survival/history';
import { type Cast, keyOf, REPLACES } from './cast';
import type { Ground } from './ground';
import type { Blow } from './order';
import { publicKey, tableOf } from './records';
import type { Ending } from './runs';

const VAULT_API = '7.4';
const HUB_API = '2023-06-30-preview';
const DPS_API = '2020-09-01-preview';

export interface ShownVersion {
  readonly version: string;
  readonly enabled: boolean;
}

/** One KEK with its targets and their old records, as an owner, a reader and an operator see them. */
export class Stage {
  readonly ground: Ground;
  readonly cast: Cast;
  readonly key: string;
  readonly before: readonly Stock[];
  readonly reader: ContinuousReader;
  readonly previousVersion: string;
  readonly #rotationIds: string[] = [];
  /** Names of the runs that were played here. */
  readonly played = new Set<string>();
  /** Where the last of them was struck. */
  struck: Blow | null = null;
  /** Alerts that have come, by their ids, and how often each may come. */
  readonly alertsBefore = new Map<string, number>();
  /** How the last of them came to its end. */
  ending: Ending | null = null;

  private constructor(ground: Ground, cast: Cast, before: readonly Stock[], previousVersion: string) {
    this.ground = ground;
    this.cast = cast;
    this.key = keyOf(ground.cloud, cast);
    this.before = before;
    this.previousVersion = previousVersion;
    this.reader = new ContinuousReader(before, new AskedFaults(ground.wire, ground.cloud.control));
    this.reader.start();
  }

  /** The next untouched KEK of the ground: every old record is opened once, and read on and on from here. */
  static async set(ground: Ground): Promise<Stage> {
    const cast = await ground.next();
    const { cloud, wire, tokens } = ground;
    const table = tableOf(ground, cast);
    const sources = [
      twins({ name: cast.hub, identity: 'hub-identity', url: cloud.hubs[cast.hub] ?? '' }, wire, tokens),
      enrollments({ name: cast.dps, identity: 'dps-identity', url: cloud.dps[cast.dps] ?? '' }, wire, tokens),
      documents(table, wire, tokens),
    ];
    const before = await Promise.all(sources.map((source) => takeStock(source)));
    return new Stage(ground, cast, before, versionOf((await publicKey(ground, cast)).kid) ?? '');
  }

  /** Of the rotation that was begun here last; empty before. */
  get rotationId(): string {
    return this.#rotationIds.at(-1) ?? '';
  }

  follow(rotationId: string): void {
    this.#rotationIds.push(rotationId);
  }

  get runsBegun(): number {
    return this.#rotationIds.length;
  }

  /** Whether something is named after a rotation that was begun here before the last. */
  isOfAnEarlierOne(id: string): boolean {
    return this.#rotationIds.slice(0, -1).some((earlier) => id.startsWith(earlier));
  }

  /** Key Vault gives notice that the version in use is near its expiry. */
  async tellNearExpiry(): Promise<void> {
    await this.ground.control(`/vaults/${names.vault}/keys/${this.cast.keyName}/near-expiry`, {});
  }

  /** Ends the reading. */
  leave(): Promise<void> {
    return this.reader.stop();
  }

  rotation(): Promise<Rotation> {
    return this.ground.app<Rotation>(`/api/rotations/${this.rotationId}`);
  }

  async keyView(): Promise<KeyView> {
    const { items } = await this.ground.app<Page<KeyView>>('/api/keys');
    const found = items.find(({ key }) => key === this.key);
    if (found === undefined) throw new Error(`GET /api/keys does not know ${this.key}`);
    return found;
  }

  /** Every version of the KEK, oldest first as far as a second tells. */
  async versions(): Promise<readonly ShownVersion[]> {
    const { wire, tokens } = this.ground;
    const headers = await tokens.header('admin', 'https://vault.azure.net');
    const url = `${this.key}/versions?api-version=${VAULT_API}`;
    const { value } = await wire.ask<{ value: readonly { kid: string; attributes: { enabled: boolean } }[] }>(url, {
      headers,
    });
    return value.map(({ kid, attributes }) => ({ version: versionOf(kid) ?? '', enabled: attributes.enabled }));
  }

  /** Unversioned identifier of the key that it may be replaced by. */
  get replacement(): string {
    return `${this.key}${REPLACES}`;
  }

  /** ISO 8601 duration in which new versions expire, and when the newest does. */
  async lifetime(): Promise<{ readonly expiresIn: string | undefined; readonly expiresOn: string }> {
    const { wire, tokens } = this.ground;
    const headers = await tokens.header('admin', 'https://vault.azure.net');
    const { attributes } = await wire.ask<{ attributes: { expiryTime?: string } }>(
      `${this.key}/rotationpolicy?api-version=${VAULT_API}`,
      { headers },
    );
    const newest = await wire.ask<{ attributes: { exp: number } }>(`${this.key}?api-version=${VAULT_API}`, { headers });
    const expiresOn = new Date(newest.attributes.exp * 1000).toISOString().replace('.000', '');
    return { expiresIn: attributes.expiryTime, expiresOn };
  }

  /** Which identifiers hub and DPS name, by what ARM tells anybody. */
  async serviceKids(): Promise<Readonly<Record<string, string | undefined>>> {
    const { wire, tokens, cloud } = this.ground;
    const headers = await tokens.header('reader', 'https://management.azure.com');
    const standing = async (id: string, api: string): Promise<string | undefined> => {
      const { properties } = await wire.ask<Encrypted>(`${cloud.arm}${id}?api-version=${api}`, { headers });
      return properties?.encryption?.keyVaultProperties?.[0]?.keyIdentifier;
    };
    return {
      hub: await standing(hubResourceId(this.cast.hub), HUB_API),
      dps: await standing(dpsResourceId(this.cast.dps), DPS_API),
    };
  }

  /** The owner's records as they lie in his table. */
  async records(): Promise<readonly (OwnedRecord & { readonly previous?: string })[]> {
    const found: (OwnedRecord & { previous?: string })[] = [];
    for await (const record of tableOf(this.ground, this.cast).listEntities<OwnedRecord & { previous?: string }>()) {
      found.push({ ...record, partitionKey: record.partitionKey ?? '', rowKey: record.rowKey ?? '' });
    }
    return found;
  }

  /** The whole history of the key. */
  async history(): Promise<readonly ChainedRecord[]> {
    const body = await this.ground.app<unknown>(`/api/audit?key=${encodeURIComponent(this.key)}`);
    return readExport(typeof body === 'string' ? body : JSON.stringify(body));
  }

  verdict(): Promise<AuditVerification> {
    return this.ground.app<AuditVerification>(`/api/audit/verify?key=${encodeURIComponent(this.key)}`);
  }

  /** What the topic has received of this key. */
  async alerts(): Promise<readonly Alert[]> {
    const all = await this.ground.wire.ask<readonly Alert[]>(`${this.ground.cloud.eventGrid}/alerts`);
    return all.filter(({ subject }) => subject.endsWith(`/${this.cast.keyName}`));
  }

  /** Where the app writes which points it passes. */
  passedFile(run: string): string {
    return join(this.ground.folder, `${this.cast.name}-${run}.points`);
  }
}

interface Encrypted {
  readonly properties?: {
    readonly encryption?: { readonly keyVaultProperties?: readonly { keyIdentifier?: string }[] };
  };
}
