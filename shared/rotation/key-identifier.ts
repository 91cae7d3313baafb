import { createHash } from 'node:crypto';

/** A key identifier taken apart. `key` names the KEK: unversioned, canonical, the same for every spelling of one key's identifier. */
export interface KeyIdentifier {
  readonly vaultUrl: string;
  readonly name: string;
  /** Null when the identifier names no version. */
  readonly version: string | null;
  readonly key: string;
}

// One expression over the whole text instead of a URL parser: a parser would forgive what must not be forgiven here
// (credentials, queries, dot segments, percent escapes), and two spellings of one key would become two claims.
const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const identifier = new RegExp(
  `^https://(${label}(?:\\.${label})*)(?::(\\d{1,5}))?/keys/([0-9a-z-]{1,127})(?:/([0-9a-z]{1,64}))?/?$`,
  'i',
);

/** Takes a versioned or unversioned key identifier apart; null if it is not one. Never throws. */
export function parseKeyIdentifier(text: string): KeyIdentifier | null {
  if (typeof text !== 'string' || text.length > 512) return null;
  const match = identifier.exec(text);
  if (match === null) return null;
  const [, host = '', portText, name = '', version] = match;
  const port = portText === undefined ? 443 : Number(portText);
  if (port < 1 || port > 65_535) return null;
  const vaultUrl = `https://${host.toLowerCase()}${port === 443 ? '' : `:${port}`}`;
  return { vaultUrl, name, version: version ?? null, key: `${vaultUrl}/keys/${name}` };
}

/** The versioned key identifier of one version of a KEK. */
export function kidOf(key: string, version: string): string {
  return `${key}/${version}`;
}

/** Whose versions a run goes to: the KEK's own, or those of the key that takes its place. */
export const nextKeyOf = ({ key, replacement }: { readonly key: string; readonly replacement?: string }): string =>
  replacement ?? key;

/** The bare version that a versioned key identifier names; null if it names none or is not a key identifier. */
export function versionOf(kid: string): string | null {
  return parseKeyIdentifier(kid)?.version ?? null;
}

/** Whether two identifiers, versioned or not, name the same KEK. Key Vault does not tell `Kek` from `kek`. */
export function sameKey(a: string, b: string): boolean {
  const left = parseKeyIdentifier(a);
  const right = parseKeyIdentifier(b);
  return left !== null && right !== null && left.key.toLowerCase() === right.key.toLowerCase();
}

/** Whether two versioned identifiers name the same version of the same KEK. */
export function sameKid(a: string, b: string): boolean {
  const version = versionOf(a);
  return version !== null && version === versionOf(b) && sameKey(a, b);
}

/** SHA-256 (hex) of a KEK's identifier, the same for every spelling of it. Throws `RangeError` for what is no key identifier. */
export function fingerprintOf(key: string): string {
  const parsed = parseKeyIdentifier(key);
  if (parsed === null) throw new RangeError('not a key identifier');
  return createHash('sha256').update(parsed.key.toLowerCase()).digest('hex');
}

/**
 * Partition key of a KEK's rows, `<name>-<16 hex>`: readable for people, free of the characters that Table storage forbids
 * (`/ \ # ?`), and one for every spelling, so that one KEK never has two claims. Throws `RangeError` like `fingerprintOf`.
 */
export function partitionOf(key: string): string {
  const fingerprint = fingerprintOf(key);
  return `${parseKeyIdentifier(key)?.name.toLowerCase()}-${fingerprint.slice(0, 16)}`;
}
