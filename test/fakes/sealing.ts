import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { RefusalError } from '../../shared/rotation/errors';
import { sameKey } from '../../shared/rotation/key-identifier';
import type {
  AnchorStore,
  ChainHead,
  HeadSigner,
  PublicJwk,
  SignedHead,
  SigningKey,
} from '../../shared/rotation/ports';
import { digestOf } from '../../shared/rotation/signed-head';
import { type Fake, interference } from './interference';

interface Pair {
  readonly signingKey: SigningKey;
  readonly privateKey: KeyObject;
}

/** A signing key in memory: P-256, which is quick to make. */
export function makeSigningKey(kid: string): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return { signingKey: { kid, algorithm: 'ES256', jwk: { kty: 'EC', crv: 'P-256', x, y } }, privateKey };
}

/** Signs as the service would, which is given the digest; node:crypto only takes the text. */
export function signText({ algorithm, jwk }: SigningKey, privateKey: KeyObject, text: string): string {
  const options =
    jwk.kty === 'RSA'
      ? { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : { key: privateKey, dsaEncoding: 'ieee-p1363' as const };
  return sign(digestOf[algorithm], Buffer.from(text), options).toString('base64url');
}

interface FakeHeadSignerExtra {
  /** From now on a new version of the key signs. */
  renew(): void;
  /** The vault does not show this key any more, nor signs with it. */
  lose(): void;
}

const fakeAuditKey = 'https://kv-audit.vault.azure.net/keys/keyturn-audit';

/** A signer in memory. */
export function fakeHeadSigner(): Fake<HeadSigner, FakeHeadSignerExtra> {
  const { interfere, run } = interference<HeadSigner>();
  const pairs = [makeSigningKey(`${fakeAuditKey}/1`)];
  let lost = false;
  const present = (): Pair => {
    const pair = pairs.at(-1);
    if (lost || pair === undefined) throw new RefusalError('version-disabled', `${fakeAuditKey} is disabled.`);
    return pair;
  };
  return {
    interfere,
    renew: () => pairs.push(makeSigningKey(`${fakeAuditKey}/${pairs.length + 1}`)),
    lose: () => {
      lost = true;
    },
    current: () => run('current', '', () => present().signingKey),
    sign: (signingKey, text) => run('sign', '', () => signText(signingKey, present().privateKey, text)),
    standingOf: (kid) =>
      run('standingOf', kid, () => {
        const pair = pairs.find(({ signingKey }) => signingKey.kid === kid);
        if (pair === undefined) return { standing: 'foreign' };
        if (lost) return { standing: 'gone', why: `${kid} is disabled.` };
        return { standing: 'ours', jwk: pair.signingKey.jwk as PublicJwk };
      }),
  };
}

/** Anchors in memory; `anchored` shows them, to look at and to take away. */
export function fakeAnchorStore(): Fake<AnchorStore, { readonly anchored: Map<string, SignedHead> }> {
  const { interfere, run } = interference<AnchorStore>();
  const anchored = new Map<string, SignedHead>();
  const nameOf = (key: string, { chain, sequence, hash }: ChainHead): string => `${key} ${chain}/${sequence}/${hash}`;
  return {
    interfere,
    anchored,
    put: (seal) =>
      run('put', `${seal.chain}/${seal.sequence}`, () => {
        const name = nameOf(seal.key, seal);
        const there = anchored.get(name);
        if (there === undefined) anchored.set(name, structuredClone(seal));
        return structuredClone(there ?? seal);
      }),
    places: (key) =>
      run('places', '', () =>
        [...anchored.values()]
          .filter((seal) => sameKey(seal.key, key))
          .map(({ chain, sequence, hash }) => ({ chain, sequence, hash })),
      ),
    read: (key, place) =>
      run('read', `${place.chain}/${place.sequence}`, () => anchored.get(nameOf(key, place)) ?? null),
  };
}
