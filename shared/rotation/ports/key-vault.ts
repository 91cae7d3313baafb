export interface KeyVersion {
  readonly version: string;
  /** Versioned key identifier. */
  readonly kid: string;
  readonly createdOn: Date;
  readonly enabled: boolean;
  readonly notBefore: Date | null;
  readonly expiresOn: Date | null;
  readonly tags: Readonly<Record<string, string>>;
}

/** What can be read of an enabled version. */
export interface KeyVersionDetail extends KeyVersion {
  /** `RSA`, `RSA-HSM`, `EC`, … */
  readonly keyType: string;
  /** Bits of the modulus; 0 for what is not RSA. */
  readonly keySize: number;
  readonly operations: readonly string[];
  /** RSA public key, base64url; null for what is not RSA. */
  readonly publicKey: { readonly n: string; readonly e: string } | null;
}

export interface RotationPolicy {
  /** ISO 8601 duration after which a version of this key expires; null if the policy sets none. */
  readonly expiresIn: string | null;
  /** When Key Vault makes the next version by itself, as an ISO 8601 duration; both null if it never does. */
  readonly rotatesAfterCreate: string | null;
  readonly rotatesBeforeExpiry: string | null;
  /** How long before its expiry a version is told of as near expiry; absent where the policy does not say. */
  readonly notifiesBeforeExpiry?: string;
}

/** A key that was deleted and can still be recovered. */
export interface DeletedKey {
  /** Null where the vault does not say. */
  readonly deletedOn: Date | null;
  readonly purgedOn: Date | null;
}

export type WrapAlgorithm = 'RSA-OAEP' | 'RSA-OAEP-256';

export interface KeyVault {
  /** All versions of the KEK, in no order; disabled ones included. Empty if the key does not exist. */
  versions(key: string): Promise<readonly KeyVersion[]>;
  /** Refuses (`version-disabled`, `version-not-found`) what Key Vault will not show. */
  version(kid: string): Promise<KeyVersionDetail>;
  rotationPolicy(key: string): Promise<RotationPolicy | null>;
  /** Refuses (`policy-not-changed`) when Key Vault tells of another policy afterwards. */
  setRotationPolicy(key: string, policy: RotationPolicy): Promise<void>;
  /** What the vault remembers of a KEK that was deleted; null if it remembers nothing. */
  deleted(key: string): Promise<DeletedKey | null>;
  /** A new version of the same name: same type, size and operations as `like`. */
  createVersion(
    key: string,
    options: { like: KeyVersionDetail; expiresOn: Date | null; tags: Record<string, string> },
  ): Promise<KeyVersionDetail>;
  /** Always with the version named: without one the newest would be hit. */
  setEnabled(kid: string, enabled: boolean): Promise<void>;
  setExpiry(kid: string, expiresOn: Date | null): Promise<void>;
  /** Through the service; works for an expired version, not for a disabled one. */
  unwrap(kid: string, algorithm: WrapAlgorithm, blob: Uint8Array): Promise<Uint8Array>;
  wrap(kid: string, algorithm: WrapAlgorithm, dataKey: Uint8Array): Promise<Uint8Array>;
}
