import { parseKeyIdentifier, sameKey } from '../rotation/key-identifier';
import type { RawResource } from '../rotation/ports';

/** The `encryption` block of a hub or DPS, read without losing anything of it. */
export interface Encryption {
  readonly keySource: string | null;
  readonly keyIdentifiers: readonly string[];
  /** User-assigned identities (ARM ids) that the service uses the key as; empty means the system-assigned one. */
  readonly identities: readonly string[];
  readonly block: RawResource;
  /** The identifier of the one entry with this vault and name, or null. */
  entryOf(key: string): string | null;
}

export const isRecord = (value: unknown): value is RawResource =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads `properties.encryption`. The hub names an identity for each key, the DPS one for the whole block
 * (Microsoft.Devices 2023-06-30-preview and 2020-09-01-preview; read 2026-11-22).
 */
export function readEncryption(resource: RawResource): Encryption | null {
  const properties = resource['properties'];
  const block = isRecord(properties) ? properties['encryption'] : undefined;
  if (!isRecord(block)) return null;
  const entries = entriesOf(block);
  const keyIdentifiers = entries.map((entry) => entry['keyIdentifier']).filter((kid) => typeof kid === 'string');
  return {
    keySource: typeof block['keySource'] === 'string' ? block['keySource'] : null,
    keyIdentifiers,
    identities: [block, ...entries].flatMap(identityOf),
    block,
    entryOf: (key) => keyIdentifiers.find((kid) => isOf(kid, key)) ?? null,
  };
}

/**
 * The resource with the identifier of one KEK's entry changed, to another version of it or of another key, and nothing else; other
 * entries stay as they are.
 * @param key versioned or not
 */
export function moveEncryption(resource: RawResource, encryption: Encryption, key: string, kid: string): RawResource {
  const entries: unknown = encryption.block['keyVaultProperties'];
  const keyVaultProperties = (Array.isArray(entries) ? entries : []).map((entry: unknown) =>
    isRecord(entry) && isOf(entry['keyIdentifier'], key) ? { ...entry, keyIdentifier: kid } : entry,
  );
  const properties = isRecord(resource['properties']) ? resource['properties'] : {};
  return { ...resource, properties: { ...properties, encryption: { ...encryption.block, keyVaultProperties } } };
}

const entriesOf = (block: RawResource): readonly RawResource[] => {
  const entries = block['keyVaultProperties'];
  return Array.isArray(entries) ? entries.filter(isRecord) : [];
};

function isOf(kid: unknown, key: string): boolean {
  const parsed = typeof kid === 'string' ? parseKeyIdentifier(kid) : null;
  return parsed !== null && sameKey(parsed.key, key);
}

function identityOf(holder: RawResource): readonly string[] {
  const identity = holder['identity'];
  const id = isRecord(identity) ? identity['userAssignedIdentity'] : undefined;
  return typeof id === 'string' && id !== '' ? [id] : [];
}

/** JSON paths of values that a GET masks (`****`): written back they would replace the real ones. */
export function findMasked(value: unknown, path = '$'): readonly string[] {
  if (typeof value === 'string') return value.includes('****') ? [path] : [];
  if (Array.isArray(value)) return value.flatMap((item, index) => findMasked(item, `${path}[${index}]`));
  if (isRecord(value)) return Object.entries(value).flatMap(([name, item]) => findMasked(item, `${path}.${name}`));
  return [];
}
