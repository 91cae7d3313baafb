import { randomBytes } from 'node:crypto';
import type { RawResource } from '../../shared/rotation/ports';

export interface Policy extends RawResource {
  readonly keyName: string;
  readonly rights: string;
  readonly primaryKey: string;
  readonly secondaryKey: string;
}

export const sasKey = (): string => randomBytes(32).toString('base64');

/** `encryption` is in previews only. */
export const carriesEncryption = (apiVersion: string): boolean => !/^\d{4}-\d\d-\d\d$/.test(apiVersion);

/** The identifier of the key that a service is to use: of several the last, as the worlds of the tests have it; null if it names none. */
export function referenceIn(body: Record<string, unknown>): string | null {
  const entries = entriesIn(body);
  const identifier = entries.at(-1)?.['keyIdentifier'];
  return typeof identifier === 'string' ? identifier : null;
}

function entriesIn(body: Record<string, unknown>): readonly RawResource[] {
  const { encryption } = (body['properties'] ?? {}) as { encryption?: { keyVaultProperties?: RawResource[] } };
  return encryption?.keyVaultProperties ?? [];
}

/** The identities by which it is to use it. */
export function identitiesIn(body: Record<string, unknown>): readonly string[] {
  const { encryption } = (body['properties'] ?? {}) as { encryption?: RawResource };
  const holders = [encryption, entriesIn(body).at(-1)] as readonly ({ identity?: RawResource } | undefined)[];
  return holders.flatMap((holder) => holder?.identity?.['userAssignedIdentity'] ?? []) as string[];
}

/** A policy that is not sent is gone; one sent without keys loses or keeps those it had. */
export function policiesAfter(
  sent: unknown,
  { policies, sasKeys }: { readonly policies: Policy[]; readonly sasKeys: 'wiped' | 'kept' },
): Policy[] {
  const stored = (keyName: unknown): Policy | undefined => policies.find((policy) => policy.keyName === keyName);
  if (!Array.isArray(sent)) {
    return sasKeys === 'kept'
      ? policies
      : policies.map((each) => ({ ...each, primaryKey: sasKey(), secondaryKey: sasKey() }));
  }
  return sent.map((policy: Policy) => ({
    ...policy,
    primaryKey: policy.primaryKey ?? (sasKeys === 'kept' ? stored(policy.keyName)?.primaryKey : undefined) ?? sasKey(),
    secondaryKey:
      policy.secondaryKey ?? (sasKeys === 'kept' ? stored(policy.keyName)?.secondaryKey : undefined) ?? sasKey(),
  }));
}
