import type { ChainHead } from './audit-log';

/** The public half of a signing key, as a JSON Web Key holds it. */
export type PublicJwk =
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }
  | { readonly kty: 'EC'; readonly crv: 'P-256' | 'P-384' | 'P-521'; readonly x: string; readonly y: string };

export type SigningAlgorithm = 'PS256' | 'ES256' | 'ES384' | 'ES512';

/** The version that signs now. */
export interface SigningKey {
  /** Versioned key identifier. */
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly jwk: PublicJwk;
}

/** What is signed: that at this time the chain had this newest record. */
export interface HeadStatement extends ChainHead, SigningKey {
  readonly schema: 'keyturn/signed-head/v1';
  /** Of the KEK whose history it is. */
  readonly key: string;
  readonly signedAt: string;
}

export interface SignedHead extends HeadStatement {
  /** Base64url, over the canonical JSON of everything else. */
  readonly signature: string;
}

/** What is known of the key that a signed head names. */
export type SignerStanding =
  | { readonly standing: 'ours'; readonly jwk: PublicJwk }
  /** The configuration names no such key. */
  | { readonly standing: 'foreign' }
  /** It was ours, and the vault does not show it any more: deleted, disabled, or out of our reach. */
  | { readonly standing: 'gone'; readonly why: string };

/** A Key Vault key of its own, which signs the newest record of each chain. */
export interface HeadSigner {
  /** The newest version. Refuses a key that is gone, disabled, or of a kind that cannot sign. */
  current(): Promise<SigningKey>;
  /** The service signs the digest of this text; answers base64url. */
  sign(signingKey: SigningKey, text: string): Promise<string>;
  standingOf(kid: string): Promise<SignerStanding>;
}

/** Where signed heads are put out of the app's own reach: written once, never overwritten, never deleted by it. */
export interface AnchorStore {
  /** Answers the signed head that was there already, if one was: the first counts. */
  put(seal: SignedHead): Promise<SignedHead>;
  /** Which heads have an anchor; their names tell. */
  places(key: string): Promise<readonly ChainHead[]>;
  /** Null if there is none, or none that can be read. */
  read(key: string, place: ChainHead): Promise<SignedHead | null>;
}
