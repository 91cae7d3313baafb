import type { TableClient } from '@azure/data-tables';
import type { Leaning } from './asked-faults';
import { digest, type OwnedRecord, openRecord, type Unwrap } from './owner';
import type { Tokens } from './tokens';
import type { Wire } from './wire';

/** Old records of one target, read as its users read them: through the service's own data plane, or by the owner's own code. */
export interface RecordSource {
  readonly kind: 'iotHub' | 'dps' | 'dataKeys';
  readonly name: string;
  /** What they are, for people: `twins`. */
  readonly noun: string;
  readonly leaning: Leaning;
  ids(): Promise<string[]>;
  /** A digest of the record's plaintext. @throws when it does not open */
  open(id: string): Promise<string>;
}

const HUB_API = '2021-04-12';
const DPS_API = '2021-10-01';
const VAULT_API = '7.4';
const HUB_AUDIENCE = 'https://iothubs.azure.net';
const DPS_AUDIENCE = 'https://azure-devices-provisioning.net';
const VAULT_AUDIENCE = 'https://vault.azure.net';

/** What the service itself may change without the data having changed. */
const OWN_FIELDS = new Set(['etag', 'deviceEtag', 'version', 'lastUpdatedDateTimeUtc', 'lastActivityTime']);

interface Place {
  readonly name: string;
  readonly url: string;
  /** Name of the identity that the service opens its data with. */
  readonly identity: string;
}

/** Device twins of a hub. */
export function twins(hub: Place, wire: Wire, tokens: Tokens): RecordSource {
  const bearer = () => tokens.header('reader', HUB_AUDIENCE);
  return {
    kind: 'iotHub',
    name: hub.name,
    noun: 'twins',
    leaning: { standIns: ['iotHub', 'keyVault'], principals: ['reader', hub.identity] },
    async ids() {
      const found = await wire.ask<{ deviceId: string }[]>(`${hub.url}/devices/query?api-version=${HUB_API}`, {
        body: { query: 'SELECT deviceId FROM devices' },
        headers: await bearer(),
      });
      return found.map(({ deviceId }) => deviceId);
    },
    async open(id) {
      return contentOf(await wire.ask(`${hub.url}/twins/${id}?api-version=${HUB_API}`, { headers: await bearer() }));
    },
  };
}

/** Individual enrollments of a DPS. */
export function enrollments(dps: Place, wire: Wire, tokens: Tokens): RecordSource {
  const bearer = () => tokens.header('reader', DPS_AUDIENCE);
  return {
    kind: 'dps',
    name: dps.name,
    noun: 'enrollments',
    leaning: { standIns: ['dps', 'keyVault'], principals: ['reader', dps.identity] },
    async ids() {
      const found = await wire.ask<{ registrationId: string }[]>(
        `${dps.url}/enrollments/query?api-version=${DPS_API}`,
        { body: { query: 'SELECT * FROM enrollments' }, headers: await bearer() },
      );
      return found.map(({ registrationId }) => registrationId);
    },
    async open(id) {
      return contentOf(
        await wire.ask(`${dps.url}/enrollments/${id}?api-version=${DPS_API}`, { headers: await bearer() }),
      );
    },
  };
}

/** Unwraps through Key Vault, under the owner's identity. */
export function unwrapper(wire: Wire, tokens: Tokens, identity = 'owner'): Unwrap {
  return async (kid, alg, blob) => {
    const headers = await tokens.header(identity, VAULT_AUDIENCE);
    const url = `${kid}/unwrapkey?api-version=${VAULT_API}`;
    const { value } = await wire.ask<{ value: string }>(url, { body: { alg, value: blob }, headers });
    return Buffer.from(value, 'base64url');
  };
}

/** The owner's documents: each opened with its data key, unwrapped by the vault under the owner's identity. */
export function documents(table: TableClient, wire: Wire, tokens: Tokens): RecordSource {
  const unwrap = unwrapper(wire, tokens);
  return {
    kind: 'dataKeys',
    name: table.tableName,
    noun: 'documents',
    leaning: { standIns: ['keyVault'], principals: ['owner'] },
    async ids() {
      const found: string[] = [];
      for await (const { partitionKey, rowKey } of table.listEntities({
        queryOptions: { select: ['partitionKey', 'rowKey'] },
      })) {
        found.push(`${partitionKey}/${rowKey}`);
      }
      return found;
    },
    async open(id) {
      const [partitionKey = '', rowKey = ''] = id.split('/');
      const record = await table.getEntity<OwnedRecord>(partitionKey, rowKey);
      return digest(await openRecord({ ...record, partitionKey, rowKey }, unwrap));
    },
  };
}

/** Digest of what was decrypted, whatever the order of its members, without what the service changes by itself. */
function contentOf(body: unknown): string {
  return digest(JSON.stringify(sorted(body)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => !OWN_FIELDS.has(name) && !name.startsWith('$'));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, inner]) => [name, sorted(inner)]));
}
