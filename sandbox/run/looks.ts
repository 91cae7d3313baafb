import type { Sandbox } from './bring-up';
import { type Alert, type Page, type Rotation, versionOf } from './contract';

/** How far the sandbox's clock is ahead of the machine's, in milliseconds. */
export async function offsetOf({ wire, cloud }: Pick<Sandbox, 'wire' | 'cloud'>): Promise<number> {
  const { offsetMilliseconds } = await wire.ask<{ offsetMilliseconds: number }>(`${cloud.control}/clock`);
  return offsetMilliseconds;
}

/** What the alert topic has received. */
export function alertsOf({ wire, cloud }: Pick<Sandbox, 'wire' | 'cloud'>): Promise<Alert[]> {
  return wire.ask<Alert[]>(`${cloud.eventGrid}/alerts`);
}

/** How many rotations of the key there are, and the newest of them. */
export async function rotationsOf({
  wire,
  host,
  key,
}: Pick<Sandbox, 'wire' | 'host' | 'key'>): Promise<readonly Rotation[]> {
  const page = await wire.ask<Page<Rotation>>(`${host.url}/api/rotations?key=${encodeURIComponent(key)}&limit=10`);
  return page.items;
}

/** The version that the vault names when asked for none. */
export async function currentVersion({ wire, tokens, key }: Pick<Sandbox, 'wire' | 'tokens' | 'key'>): Promise<string> {
  const headers = await tokens.header('owner', 'https://vault.azure.net');
  const body = await wire.ask<{ key: { kid: string } }>(`${key}?api-version=7.4`, { headers });
  return versionOf(body.key.kid) ?? '';
}
