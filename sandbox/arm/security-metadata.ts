import { randomBytes } from 'node:crypto';
import { isObject, type JsonObject } from './json';

/** A shared access policy; POST listkeys is the only request that shows its keys. */
export interface SharedAccessPolicy {
  keyName: string;
  rights: string;
  primaryKey: string;
  secondaryKey: string;
}

const newKey = () => randomBytes(32).toString('base64');

export function makePolicy(keyName: string, rights: string): SharedAccessPolicy {
  return { keyName, rights, primaryKey: newKey(), secondaryKey: newKey() };
}

/**
 * The policies after a PUT, which replaces the resource: a policy that is not in the list is gone, one with keys is taken as it is,
 * one without keys keeps or loses those it had. No list at all means the default policies.
 */
export function nextPolicies(
  sent: unknown,
  stored: SharedAccessPolicy[],
  defaults: readonly { keyName: string; rights: string }[],
  mode: 'wiped' | 'kept',
): SharedAccessPolicy[] {
  if (!Array.isArray(sent)) {
    return mode === 'kept' ? stored : defaults.map(({ keyName, rights }) => makePolicy(keyName, rights));
  }
  return sent.filter(isObject).map((policy) => {
    const keyName = String(policy['keyName'] ?? '');
    const before = mode === 'kept' ? stored.find((known) => known.keyName === keyName) : undefined;
    const fresh = before ?? makePolicy(keyName, '');
    return {
      keyName,
      rights: String(policy['rights'] ?? ''),
      primaryKey: keyOr(policy['primaryKey'], fresh.primaryKey),
      secondaryKey: keyOr(policy['secondaryKey'], fresh.secondaryKey),
    };
  });
}

function keyOr(sent: unknown, otherwise: string): string {
  return typeof sent === 'string' && sent !== '' ? sent : otherwise;
}

const secretPart = /(SharedAccessKey|AccountKey)=[^;]*/g;
const masked = /(SharedAccessKey|AccountKey)=\*{4}/;

/** The value with the secret part of every connection string in it replaced by `****`, as GET shows it. */
export function maskSecrets(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(secretPart, '$1=****');
  if (Array.isArray(value)) return value.map(maskSecrets);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, maskSecrets(member)]));
}

/** The sent value with every masked connection string replaced by the stored one in the same place (lists by `name`). */
export function unmaskSecrets(sent: unknown, stored: unknown): unknown {
  if (typeof sent === 'string') return masked.test(sent) && typeof stored === 'string' ? stored : sent;
  if (Array.isArray(sent)) {
    const before = Array.isArray(stored) ? stored : [];
    return sent.map((item, index) =>
      unmaskSecrets(item, before.find((known) => sameName(known, item)) ?? before[index]),
    );
  }
  if (!isObject(sent)) return sent;
  const before: JsonObject = isObject(stored) ? stored : {};
  return Object.fromEntries(Object.entries(sent).map(([name, member]) => [name, unmaskSecrets(member, before[name])]));
}

function sameName(left: unknown, right: unknown): boolean {
  return isObject(left) && isObject(right) && left['name'] !== undefined && left['name'] === right['name'];
}
