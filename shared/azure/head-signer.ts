import { createHash } from 'node:crypto';
import type { TokenCredential } from '@azure/core-auth';
import { CryptographyClient, type JsonWebKey, KeyClient, type KeyVaultKey } from '@azure/keyvault-keys';
import { FaultError, RefusalError } from '../rotation/errors';
import { parseKeyIdentifier, sameKey } from '../rotation/key-identifier';
import type { HeadSigner, PublicJwk, SignerStanding, SigningAlgorithm, SigningKey } from '../rotation/ports';
import { digestOf } from '../rotation/signed-head';
import { serviceSideKey } from './key-vault';
import { clientOptions, requestTimeouts } from './requests';
import { attempt } from './status-codes';

export interface HeadSignerOptions {
  /** Unversioned identifier of the key that signs. */
  readonly key: string;
  /** Keys that signed before it: what they signed still counts. */
  readonly formerKeys: readonly string[];
  readonly verifyChallengeResource: boolean;
}

/** Signs with a Key Vault key, the newest version of it. The private half never leaves the vault; nothing is kept between two uses. */
export function createHeadSigner(credential: TokenCredential, options: HeadSignerOptions): HeadSigner {
  const { key, formerKeys, verifyChallengeResource } = options;
  const client = (address: string) => ({
    ...clientOptions(requestTimeouts.read, address),
    disableChallengeResourceVerification: !verifyChallengeResource,
  });
  const read = async (identifier: string): Promise<KeyVaultKey> => {
    const { vaultUrl, name, version } = parseKeyIdentifier(identifier) ?? { vaultUrl: '', name: '', version: null };
    return ask(`read the signing key ${identifier}`, () =>
      new KeyClient(vaultUrl, credential, client(vaultUrl)).getKey(name, version === null ? {} : { version }),
    );
  };
  return {
    async current() {
      const { id, key: jwk } = await read(key);
      return signingKeyOf(id ?? '', jwk);
    },
    async sign({ kid, algorithm }, text) {
      const digest = createHash(digestOf[algorithm]).update(text, 'utf8').digest();
      const vault = new CryptographyClient(serviceSideKey(kid), credential, client(kid));
      const { result } = await ask(`sign with ${kid}`, () => vault.sign(algorithm, digest));
      return Buffer.from(result).toString('base64url');
    },
    async standingOf(kid) {
      // Nothing is sent to a vault that only a row of a table names: the request would carry our token.
      if (![key, ...formerKeys].some((known) => sameKey(known, kid))) return { standing: 'foreign' };
      try {
        const { id, key: jwk } = await read(kid);
        return { standing: 'ours', jwk: signingKeyOf(id ?? kid, jwk).jwk };
      } catch (error) {
        return gone(error);
      }
    },
  };
}

const goneCodes: ReadonlySet<string> = new Set([
  'version-not-found',
  'version-disabled',
  'key-deleted',
  'signing-key-unfit',
]);

/** @throws FaultError for what may heal, a missing role included: no verdict follows from it */
function gone(error: unknown): SignerStanding {
  if (!(error instanceof RefusalError)) throw error;
  if (goneCodes.has(error.code)) return { standing: 'gone', why: error.message };
  throw new FaultError('signing-key-unreadable', error.message, { cause: error });
}

const algorithms: Readonly<Record<string, SigningAlgorithm>> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' };

/** @throws RefusalError `signing-key-unfit` */
function signingKeyOf(kid: string, jwk: JsonWebKey | undefined): SigningKey {
  const curve = algorithms[jwk?.crv ?? ''];
  if (jwk?.kty?.startsWith('RSA') && jwk.n && jwk.e) {
    return { kid, algorithm: 'PS256', jwk: { kty: 'RSA', n: encoded(jwk.n), e: encoded(jwk.e) } };
  }
  if (jwk?.kty?.startsWith('EC') && curve !== undefined && jwk.x && jwk.y) {
    const crv = jwk.crv as (PublicJwk & { kty: 'EC' })['crv'];
    return { kid, algorithm: curve, jwk: { kty: 'EC', crv, x: encoded(jwk.x), y: encoded(jwk.y) } };
  }
  throw new RefusalError(
    'signing-key-unfit',
    `${kid} cannot sign heads: make it an RSA key, or an EC key on P-256, P-384 or P-521, with the operations sign and verify.`,
  );
}

const encoded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

const ask = <T>(what: string, work: () => Promise<T>): Promise<T> => attempt({ service: 'key-vault', what }, work);
