import { type Caller, type Role, roles } from '../contracts/access';

/** For each role the app roles, groups or object ids that have it. */
export type AccessRules = Readonly<Record<Role, readonly string[]>>;

export type Admittance =
  | { readonly admitted: true; readonly caller: Caller }
  | { readonly admitted: false; readonly why: 'unknown' | 'role'; readonly who: string | null };

export type Header = (name: string) => string | null;

/** A function key proves nothing about the person behind it. */
const whoeverHasTheKey = 'operator (function key)';

/**
 * The one place that decides whether a request may do what needs `role`. Without rules the function key, which the platform checks,
 * is all there is, and everybody who has it may do everything. With rules the caller is whom the platform's authentication header
 * names (App Service authentication, 2026-06-30: `X-MS-CLIENT-PRINCIPAL`, which the platform takes from every request and sets
 * itself), and who is not named, or has no role, is refused.
 */
export function admit(header: Header, rules: AccessRules | null, role: Role): Admittance {
  const from = addressOf(header);
  if (rules === null) {
    return { admitted: true, caller: { actor: whoeverHasTheKey, principalId: null, grantedBy: null, from } };
  }
  const principal = readPrincipal(header);
  if (principal === null) return { admitted: false, why: 'unknown', who: null };
  const actor = `${principal.name} (${principal.id})`;
  const grantedBy = claimFor(role, principal, rules);
  if (grantedBy === null) return { admitted: false, why: 'role', who: actor };
  return { admitted: true, caller: { actor, principalId: principal.id, grantedBy, from } };
}

interface Principal {
  readonly id: string;
  readonly name: string;
  /** What the identity provider says of the caller, by which roles are had: `roles Keyturn.Operator`. */
  readonly claims: readonly { readonly type: string; readonly value: string }[];
}

/** Longer ones are nobody's: Entra ID leaves groups out of a token that would have more than 200 of them. */
const longestPrincipal = 64 * 1024;

function readPrincipal(header: Header): Principal | null {
  const id = header('x-ms-client-principal-id');
  const encoded = header('x-ms-client-principal');
  if (id === null || !/^[\w-]{1,128}$/.test(id) || encoded === null || encoded.length > longestPrincipal) return null;
  const content = parse(Buffer.from(encoded, 'base64').toString('utf8'));
  if (content === null || !Array.isArray(content['claims'])) return null;
  const roleType = typeof content['role_typ'] === 'string' ? content['role_typ'] : 'roles';
  const meaning = new Map([...grantingTypes, [roleType, 'roles']]);
  const claims = content['claims'].flatMap((claim: unknown) => {
    const { typ, val } = (claim ?? {}) as { typ?: unknown; val?: unknown };
    const type = typeof typ === 'string' ? meaning.get(typ) : undefined;
    return type === undefined || typeof val !== 'string' ? [] : [{ type, value: val }];
  });
  const name = header('x-ms-client-principal-name') ?? 'unnamed';
  return { id: id.toLowerCase(), name: printable(name), claims: [...claims, { type: 'id', value: id }] };
}

/** Claims that grant, under the names that tokens and App Service give them. */
const grantingTypes: readonly (readonly [string, string])[] = [
  ['roles', 'roles'],
  ['http://schemas.microsoft.com/ws/2008/06/identity/claims/role', 'roles'],
  ['groups', 'groups'],
];

function claimFor(role: Role, { claims }: Principal, rules: AccessRules): string | null {
  const sufficient = role === 'reader' ? roles : [role];
  const granted = new Set(sufficient.flatMap((each) => rules[each].map((value) => value.toLowerCase())));
  const claim = claims.find(({ value }) => granted.has(value.toLowerCase()));
  return claim === undefined ? null : `${claim.type} ${printable(claim.value)}`;
}

/**
 * The last address of `X-Forwarded-For` is the one that the platform wrote; those before it are the caller's own word. Without the
 * port, which App Service adds: it is another for each connection, and would make a caller as many as he likes.
 */
export function addressOf(header: Header): string | null {
  const last = header('x-forwarded-for')?.split(',').at(-1)?.trim() ?? '';
  if (!/^[0-9a-fA-F.:[\]]{2,64}$/.test(last)) return null;
  const [, inBrackets] = /^\[([^\]]+)\](?::\d+)?$/.exec(last) ?? [];
  return inBrackets ?? last.replace(/^([^:]+):\d+$/, '$1');
}

/** It stands in records and messages, one line each. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, '?').slice(0, 128);

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
