import { constants, createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { canonicalJson } from './canonical-json';
import type { ChainHead, HeadStatement, PublicJwk, SignedHead, SigningAlgorithm, SigningKey } from './ports';

/** The digest that each algorithm signs (RFC 7518; Key Vault's `sign` takes the digest, not the text). */
export const digestOf: Readonly<Record<SigningAlgorithm, 'sha256' | 'sha384' | 'sha512'>> = {
  PS256: 'sha256',
  ES256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
};

/** What is to be signed of a head. */
export function statementOf(key: string, head: ChainHead, signingKey: SigningKey, signedAt: string): HeadStatement {
  const { chain, sequence, hash } = head;
  const { kid, algorithm, jwk } = signingKey;
  return { schema: 'keyturn/signed-head/v1', key, chain, sequence, hash, signedAt, kid, algorithm, jwk: publicOf(jwk) };
}

/** The text that the signature is over: the canonical JSON of every member but the signature. */
export function signedText(statement: HeadStatement): string {
  const { schema, key, chain, sequence, hash, signedAt, kid, algorithm, jwk } = statement;
  return canonicalJson({ schema, key, chain, sequence, hash, signedAt, kid, algorithm, jwk: publicOf(jwk) });
}

/** Whether the signature was made with the private half of this key; nothing that it is given makes it throw. */
export function signatureHolds(seal: SignedHead, jwk: PublicJwk): boolean {
  try {
    const { algorithm, signature } = seal;
    const key = keyOf(jwk);
    if ((jwk.kty === 'RSA') !== (algorithm === 'PS256')) return false;
    const options =
      jwk.kty === 'RSA'
        ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
        : { key, dsaEncoding: 'ieee-p1363' as const };
    return verify(
      digestOf[algorithm],
      Buffer.from(signedText(seal), 'utf8'),
      options,
      Buffer.from(signature, 'base64url'),
    );
  } catch {
    return false;
  }
}

/** RFC 7638 thumbprint (SHA-256, base64url): what an auditor writes down of the public key. Throws `TypeError` for what is none. */
export function thumbprintOf(jwk: PublicJwk): string {
  return createHash('sha256')
    .update(canonicalJson(publicOf(jwk)), 'utf8')
    .digest('base64url');
}

export const sameJwk = (a: PublicJwk, b: PublicJwk): boolean =>
  canonicalJson(publicOf(a)) === canonicalJson(publicOf(b));

function keyOf(jwk: PublicJwk): KeyObject {
  return createPublicKey({ key: { ...publicOf(jwk) }, format: 'jwk' });
}

/** Only what makes the key: more members would make two texts of one key. */
function publicOf(jwk: PublicJwk): PublicJwk {
  if (jwk.kty === 'RSA') return { e: jwk.e, kty: jwk.kty, n: jwk.n };
  return { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y };
}
