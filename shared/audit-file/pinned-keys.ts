import { createPublicKey } from 'node:crypto';
import type { ChainHead, PublicJwk, SignedHead, SignerStanding } from '../rotation/ports';
import { thumbprintOf } from '../rotation/signed-head';

/** Thumbprints (RFC 7638) of the keys that an auditor trusts: he has them from elsewhere, never from the export. */
export function signerOf(thumbprints: readonly string[]): ((seal: SignedHead) => SignerStanding) | null {
  if (thumbprints.length === 0) return null;
  const trusted = new Set(thumbprints);
  return ({ jwk }) => {
    try {
      return trusted.has(thumbprintOf(jwk)) ? { standing: 'ours', jwk } : { standing: 'foreign' };
    } catch {
      return { standing: 'foreign' };
    }
  };
}

/** The thumbprint of a public key in PEM or JWK form. Throws for anything else. */
export function thumbprintOfFile(text: string): string {
  const key = text.trimStart().startsWith('{')
    ? createPublicKey({ key: JSON.parse(text), format: 'jwk' })
    : createPublicKey(text);
  return thumbprintOf(key.export({ format: 'jwk' }) as PublicJwk);
}

/** Places of anchors by the names of their blobs, one a line, as a listing of the container has them; other lines are none of ours. */
export function placesOf(listing: string): readonly ChainHead[] {
  return listing.split(/\r?\n/).flatMap((line) => {
    const [, chain, sequence, hash = ''] = /\/(\d{4})\/(\d{12})-([0-9a-f]{64})\.json\b/.exec(line) ?? [];
    return chain === undefined ? [] : [{ chain: Number(chain), sequence: Number(sequence), hash }];
  });
}
