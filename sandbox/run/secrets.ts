import type { TableClient } from '@azure/data-tables';
import type { CloudSeed } from '../cloud/seed';
import type { Secret } from '../secrets/forms';
import { base64Secret, textSecret } from '../secrets/known-secrets';
import { SecretSearch } from '../secrets/secret-search';
import type { AlertWebhook } from './alert-webhook';
import type { Storage } from './azurite';
import type { CloudAddresses } from './cloud-addresses';
import type { Page, Rotation } from './contract';
import { dpsResourceId, hubResourceId } from './seed';
import type { Tokens } from './tokens';
import type { Wire } from './wire';

const HUB_API = '2023-06-30-preview';
const DPS_API = '2020-09-01-preview';

/** What a search of a whole sandbox needs of it. */
export interface SearchedSandbox {
  readonly folder: string;
  readonly cloud: CloudAddresses;
  readonly storage: Storage;
  readonly wire: Wire;
  readonly tokens: Tokens;
  readonly seed: CloudSeed;
  readonly webhook: AlertWebhook;
  readonly dataKeys: readonly TableClient[];
  /** The app's address. */
  readonly app: string;
  /** Unversioned identifier of the KEK. */
  readonly key: string;
}

/** A search that hears every answer that the app gives to the sandbox from now on. */
export function searchOf(sandbox: SearchedSandbox): SecretSearch {
  const { folder, storage, dataKeys, wire, app } = sandbox;
  const search = new SecretSearch({
    folder,
    connectionString: storage.connectionString,
    dataKeys,
    others: async () => [...settingsOf(sandbox), ...(await sasKeys(sandbox))],
    alerts: () => alertsOf(sandbox),
  });
  wire.hear(app, (path, text) => search.heard(path, text));
  return search;
}

/** What an app is given to reach storage, and to be given tokens. */
export function accessSecrets({ identityHeader }: CloudAddresses, connectionString: string): Secret[] {
  const accountKey = /AccountKey=([^;]+)/.exec(connectionString)?.[1] ?? '';
  return [...base64Secret('the storage account key', accountKey), textSecret('the identity header', identityHeader)];
}

/** Secrets that the app is given with its settings. */
function settingsOf({ cloud, storage, webhook }: SearchedSandbox): Secret[] {
  return [
    ...accessSecrets(cloud, storage.connectionString),
    textSecret("the code in the webhook's address", webhook.code),
    textSecret("the webhook's secret", webhook.secret),
  ];
}

interface Policies {
  readonly value: readonly { readonly keyName: string; readonly primaryKey: string; readonly secondaryKey: string }[];
}

/**
 * Of every hub and DPS, as an identity that may write them may list them now; of one that does not answer, those that were listed before
 * count.
 */
export async function sasKeys(
  { cloud, wire, tokens, seed }: Pick<SearchedSandbox, 'cloud' | 'wire' | 'tokens' | 'seed'>,
  identity = 'admin',
): Promise<Secret[]> {
  const headers = await tokens.header(identity, 'https://management.azure.com');
  const resources = [
    ...seed.hubs.map(({ name }) => [name, hubResourceId(name), HUB_API] as const),
    ...seed.provisioningServices.map(({ name }) => [name, dpsResourceId(name), DPS_API] as const),
  ];
  const listed = resources.map(async ([name, id, version]) => {
    const url = `${cloud.arm}${id}/listkeys?api-version=${version}`;
    const answer = await wire.call(url, { method: 'POST', headers });
    if (answer.status !== 200) return [];
    return (answer.body as Policies).value.flatMap(({ keyName, primaryKey, secondaryKey }) => [
      ...base64Secret(`primaryKey ${keyName} of ${name}`, primaryKey),
      ...base64Secret(`secondaryKey ${keyName} of ${name}`, secondaryKey),
    ]);
  });
  return (await Promise.all(listed)).flat();
}

async function alertsOf({ wire, cloud, webhook }: SearchedSandbox): Promise<string[]> {
  const published = await wire.ask<readonly unknown[]>(`${cloud.eventGrid}/alerts`);
  return [...published.map((alert) => JSON.stringify(alert)), ...webhook.received];
}

/** Has the app say everything that its routes can say by now, errors too; what it answers is heard. */
export async function haveItSayAll({ wire, app, key }: Pick<SearchedSandbox, 'wire' | 'app' | 'key'>): Promise<void> {
  const query = `key=${encodeURIComponent(key)}`;
  const page = await wire.call(`${app}/api/rotations?limit=200`);
  const { items = [] } = (page.body ?? {}) as Partial<Page<Rotation>>;
  const paths = [
    ...['keys', 'pause', 'health', 'openapi.json', `audit?${query}`, `audit?${query}&format=csv`],
    ...[`audit/verify?${query}`, 'rotations?limit=none', 'rotations/none', 'audit?key=none'],
    ...items.flatMap(({ rotationId }) => [`rotations/${rotationId}`, `rotations/${rotationId}/audit?limit=200`]),
  ];
  for (const path of paths) await wire.call(`${app}/api/${path}`);
  await wire.call(`${app}/api/rotations`, { body: { key, reason: '', unknown: true } });
  for (const { rotationId } of items) await wire.call(`${app}/api/rotations/${rotationId}/approve`, { body: {} });
}
