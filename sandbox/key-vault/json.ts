import type { Key, KeyVersion } from './key';
import { currentVersion, policyOf } from './key';

/** How the resources of a vault look on the wire. `base` is the vault's url. */

export interface RecoveryOptions {
  purgeProtection: boolean;
  recoverableDays: number;
}

function attributes(version: KeyVersion, recovery: RecoveryOptions): Record<string, unknown> {
  return {
    enabled: version.enabled,
    ...(version.nbf === undefined ? {} : { nbf: version.nbf }),
    ...(version.exp === undefined ? {} : { exp: version.exp }),
    created: version.created,
    updated: version.updated,
    recoveryLevel: recovery.purgeProtection ? 'Recoverable' : 'Recoverable+Purgeable',
    recoverableDays: recovery.recoverableDays,
    exportable: false,
    hsmPlatform: version.kty.endsWith('-HSM') ? '2' : '0',
  };
}

function tagsOf(version: KeyVersion): Record<string, unknown> {
  return Object.keys(version.tags).length === 0 ? {} : { tags: version.tags };
}

/** KeyBundle: one version with its public key. */
export function bundle(
  base: string,
  key: Key,
  version: KeyVersion,
  recovery: RecoveryOptions,
): Record<string, unknown> {
  return {
    key: {
      kid: `${base}/keys/${key.name}/${version.version}`,
      kty: version.kty,
      key_ops: version.keyOps,
      ...version.material.publicMembers(),
    },
    attributes: attributes(version, recovery),
    ...tagsOf(version),
  };
}

/** KeyItem of a list of versions. */
export function versionItem(
  base: string,
  key: Key,
  version: KeyVersion,
  recovery: RecoveryOptions,
): Record<string, unknown> {
  return {
    kid: `${base}/keys/${key.name}/${version.version}`,
    attributes: attributes(version, recovery),
    ...tagsOf(version),
  };
}

/** KeyItem of a list of keys: the identifier without version, the attributes of the current one. */
export function keyItem(base: string, key: Key, recovery: RecoveryOptions): Record<string, unknown> {
  const version = currentVersion(key);
  return { kid: `${base}/keys/${key.name}`, attributes: attributes(version, recovery), ...tagsOf(version) };
}

export function deletion(base: string, key: Key): Record<string, unknown> {
  return {
    recoveryId: `${base}/deletedkeys/${key.name}`,
    deletedDate: key.deleted?.on,
    scheduledPurgeDate: key.deleted?.purgeOn,
  };
}

export function policyJson(base: string, key: Key): Record<string, unknown> {
  const policy = policyOf(key);
  return {
    id: `${base}/keys/${key.name}/rotationpolicy`,
    lifetimeActions: policy.lifetimeActions,
    attributes: {
      expiryTime: policy.expiryTime ?? null,
      ...(policy.created === undefined ? {} : { created: policy.created, updated: policy.updated }),
    },
  };
}
