import type { HistoryFault } from '../contracts/history';
import type { ChainMarks, Flaw, Mark } from './chain-walk';
import type { ChainHead, SignedHead, SignerStanding } from './ports';
import { sameJwk, signatureHolds } from './signed-head';

interface Seals {
  readonly key?: string;
  readonly seals: readonly SignedHead[];
  readonly anchors: readonly ChainHead[] | null;
  readonly signer: ((seal: SignedHead) => SignerStanding) | null;
}

/** What the signed heads and anchors of a history say, chain by chain. */
export interface JudgedSeals {
  readonly newestChain: number;
  marksOf(chain: number): ChainMarks;
  /** What is wrong with the signed heads themselves: the first by place. */
  flawOf(chain: number): Flaw | null;
  /** The newest place that a good signature covers, of those up to `held`. */
  signedTo(chain: number, held: number): number;
  anchoredTo(chain: number, held: number): number;
}

interface OfChain {
  readonly at: Map<number, Mark[]>;
  newest: number;
  flaw: Flaw | null;
  readonly signed: number[];
  readonly anchored: number[];
}

/**
 * Judges each signed head by its signature and its signer; those that hold vouch for the record they name. An anchor vouches too: it is
 * not in the table, and its name alone says which record was there. Without a signer given, signed heads vouch for nothing.
 */
export function judgeSeals({ key, seals, anchors, signer }: Seals): JudgedSeals {
  const chains = new Map<number, OfChain>();
  const of = (chain: number): OfChain => {
    const known = chains.get(chain) ?? { at: new Map(), newest: 0, flaw: null, signed: [], anchored: [] };
    chains.set(chain, known);
    return known;
  };
  const vouch = ({ chain, sequence, hash }: ChainHead, vouchedBy: string): void => {
    const { at } = of(chain);
    at.set(sequence, [...(at.get(sequence) ?? []), { hash, vouchedBy }]);
    of(chain).newest = Math.max(of(chain).newest, sequence);
  };
  const complain = ({ chain, sequence }: ChainHead, fault: HistoryFault, message: string): void => {
    const known = of(chain).flaw;
    if (known === null || sequence < known.sequence) of(chain).flaw = { sequence, fault, message };
  };

  const places = anchors === null ? null : new Set(anchors.map(placeOf));
  for (const place of anchors ?? []) {
    vouch(place, `the anchor of record ${place.sequence}`);
    of(place.chain).anchored.push(place.sequence);
  }
  for (const seal of signer === null ? [] : seals) {
    const trouble = troubleWith(seal, key, signer?.(seal) ?? { standing: 'foreign' });
    if (trouble !== null) complain(seal, trouble.fault, trouble.message);
    if (trouble === null || trouble.fault === 'signing-key-gone') {
      vouch(seal, `the head signed on ${seal.signedAt}`);
      of(seal.chain).signed.push(seal.sequence);
    }
    if (places !== null && !places.has(placeOf(seal))) {
      const message = `The anchor of record ${seal.sequence}, signed on ${seal.signedAt}, is not in the container: it was put there before the signed head was kept, so somebody removed it.`;
      complain(seal, 'anchor-missing', message);
    }
  }
  const upTo = (sequences: readonly number[] = [], held: number): number =>
    sequences.reduce((newest, sequence) => (sequence <= held && sequence > newest ? sequence : newest), 0);
  return {
    newestChain: Math.max(0, ...chains.keys()),
    marksOf: (chain) => ({ at: chains.get(chain)?.at ?? new Map(), newest: chains.get(chain)?.newest ?? 0 }),
    flawOf: (chain) => chains.get(chain)?.flaw ?? null,
    signedTo: (chain, held) => upTo(chains.get(chain)?.signed, held),
    anchoredTo: (chain, held) => upTo(chains.get(chain)?.anchored, held),
  };
}

const placeOf = ({ chain, sequence, hash }: ChainHead): string => `${chain}/${sequence}/${hash}`;

function troubleWith(
  seal: SignedHead,
  key: string | undefined,
  standing: SignerStanding,
): { readonly fault: HistoryFault; readonly message: string } | null {
  const which = `The signed head of record ${seal.sequence}`;
  if (standing.standing === 'foreign') {
    const message = `${which} was signed with another key, ${seal.kid}: not with the one that is configured or given.`;
    return { fault: 'signed-by-another-key', message };
  }
  const jwk = standing.standing === 'ours' ? standing.jwk : seal.jwk;
  if (!sameKeyIn(seal, jwk)) {
    return { fault: 'signed-by-another-key', message: `${which} carries another public key than ${seal.kid} has.` };
  }
  if (!signatureHolds(seal, jwk)) {
    return { fault: 'forged', message: `${which} was forged: its signature was not made with ${seal.kid}.` };
  }
  if (key !== undefined && seal.key !== key) {
    return { fault: 'forged', message: `${which} was signed for the history of another key.` };
  }
  if (standing.standing === 'gone') {
    const message = `${which} was signed with ${seal.kid}, which is gone (${standing.why}): its signature fits the public key that it carries itself, and nobody else vouches for that.`;
    return { fault: 'signing-key-gone', message };
  }
  return null;
}

function sameKeyIn(seal: SignedHead, jwk: SignedHead['jwk']): boolean {
  try {
    return sameJwk(seal.jwk, jwk);
  } catch {
    return false;
  }
}
