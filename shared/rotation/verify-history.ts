import type { HistoryFault } from '../contracts/history';
import { ChainWalk, type Flaw } from './chain-walk';
import type { AuditRecord, ChainHead, SignedHead, SignerStanding } from './ports';
import { type JudgedSeals, judgeSeals } from './seal-judgement';
import { thumbprintOf } from './signed-head';

/** Everything that speaks for or against a history. */
export interface HistoryEvidence {
  /** The KEK; absent if any will do. */
  readonly key?: string;
  /** Oldest first, chain after chain. */
  readonly records: AsyncIterable<AuditRecord> | Iterable<AuditRecord>;
  /** The newest record of each chain, kept apart from the records. */
  readonly heads: readonly ChainHead[];
  /** Signed heads from beside the records, and those that only an anchor holds. */
  readonly seals: readonly SignedHead[];
  /** Which heads are anchored; null where nobody looked. */
  readonly anchors: readonly ChainHead[] | null;
  /** Whose word that is: an export's is the app's, and counts for no more than its signatures. The container's unless said. */
  readonly anchorsFrom?: 'container' | 'export';
  /** Who signed; null where no signing key is configured or given, so that signatures prove nothing. */
  readonly signer: ((seal: SignedHead) => SignerStanding) | null;
  /** Signed heads are made all the while: what no signature covers for a day is missing one. Null: not looked at. */
  readonly now: Date | null;
}

/** What the verdict rests on, the strongest last. */
export type Assurance = 'chain' | 'signed' | 'anchored';

export interface ChainVerdict {
  readonly chain: number;
  readonly ok: boolean;
  /** How many records hold. */
  readonly records: number;
  /** Hash of the last of them. */
  readonly head: string | null;
  /** Up to which record the chain is covered by a signature of ours, and by an anchor; 0 for none. */
  readonly signedTo: number;
  readonly anchoredTo: number;
  /** Why this chain began; null for the first. */
  readonly begins: { readonly at: string; readonly message: string; readonly brokenChain: number | null } | null;
  readonly brokenAt: Flaw | null;
}

export interface AuditVerification {
  readonly ok: boolean;
  /** How many records hold, over all chains. */
  readonly records: number;
  /** Hash of the newest record that holds; null if there is none. */
  readonly head: string | null;
  readonly brokenAt?: {
    readonly sequence: number;
    readonly message: string;
    readonly chain: number;
    readonly fault: HistoryFault;
  };
  readonly assurance: Assurance;
  /** What that means: who is kept out by it, and who is not. */
  readonly says: string;
  readonly chains: readonly ChainVerdict[];
  /** The keys that signed, each with the thumbprint (RFC 7638) of its public half. */
  readonly signers: readonly { readonly kid: string; readonly thumbprint: string }[];
}

/**
 * Checks a whole history: every record, its place, the heads kept apart, every signature, every anchor. Names the first record that
 * does not hold, and how. A history that was broken once stays broken: the chain that follows says so and is judged by itself.
 */
export async function verifyHistory(evidence: HistoryEvidence): Promise<AuditVerification> {
  const { key, heads } = evidence;
  const judged = judgeSeals(evidence);
  const verdicts: ChainVerdict[] = [];
  const headOf = (chain: number): ChainHead | null => heads.find((head) => head.chain === chain) ?? null;
  const walkOf = (chain: number) => new ChainWalk(chain, { key, head: headOf(chain), marks: judged.marksOf(chain) });
  const close = (walk: ChainWalk): void => {
    walk.end();
    verdicts.push(verdictOf(walk, judged));
  };
  let walk: ChainWalk | null = null;
  for await (const record of evidence.records) {
    // A record that says that it is of an older chain than the one it stands in was moved there.
    if (walk === null || record.chain > walk.chain) {
      if (walk !== null) close(walk);
      // Chains that are gone altogether.
      for (let gone = (walk?.chain ?? 0) + 1; gone < record.chain; gone++) close(walkOf(gone));
      walk = walkOf(record.chain);
    }
    walk.take(record);
  }
  if (walk !== null) close(walk);
  const newest = Math.max(...heads.map(({ chain }) => chain), judged.newestChain, 0);
  for (let gone = (walk?.chain ?? 0) + 1; gone <= newest; gone++) close(walkOf(gone));
  return conclude(evidence, missingChains(verdicts), overdue(evidence, walk));
}

/** After so long without a signature over it, a record should have had one: it is signed after each run, and by every sweep. */
const signedWithinMilliseconds = 24 * 3600 * 1000;

function overdue({ now, signer }: HistoryEvidence, newest: ChainWalk | null): Flaw | null {
  const since = newest?.unsealedSince;
  if (now === null || signer === null || newest == null || since == null) return null;
  if (now.getTime() - Date.parse(since) < signedWithinMilliseconds) return null;
  const message = `Record ${newest.vouchedTo + 1}, told ${since}, and what follows are covered by no signed head. The signing fails (an alert says why), or the signed heads were removed.`;
  return { sequence: newest.vouchedTo + 1, fault: 'anchor-missing', message };
}

/** A chain of which neither record, head nor signature is left. */
function missingChains(verdicts: readonly ChainVerdict[]): readonly ChainVerdict[] {
  return verdicts.map((verdict, index) => {
    if (verdict.brokenAt !== null || verdict.records > 0 || verdicts.length === index + 1) return verdict;
    const message = `Chain ${verdict.chain} is gone: none of its records is left.`;
    return { ...verdict, ok: false, brokenAt: { sequence: 1, fault: 'removed', message } };
  });
}

function verdictOf(walk: ChainWalk, judged: JudgedSeals): ChainVerdict {
  const { chain, last, flaw, begins } = walk;
  const broken = first(flaw, judged.flawOf(chain));
  const { brokenChain } = begins?.details ?? {};
  const held = last?.sequence ?? 0;
  return {
    chain,
    ok: broken === null,
    records: held,
    head: last?.hash ?? null,
    signedTo: judged.signedTo(chain, held),
    anchoredTo: judged.anchoredTo(chain, held),
    begins: begins && {
      at: begins.at,
      message: begins.message,
      brokenChain: typeof brokenChain === 'number' ? brokenChain : null,
    },
    brokenAt: broken,
  };
}

/** The one that comes first in the chain. */
function first(a: Flaw | null, b: Flaw | null): Flaw | null {
  if (a === null || b === null) return a ?? b;
  return b.sequence < a.sequence ? b : a;
}

function conclude(
  evidence: HistoryEvidence,
  verdicts: readonly ChainVerdict[],
  unsigned: Flaw | null,
): AuditVerification {
  const newest = verdicts.at(-1);
  const chains = verdicts.map((verdict) =>
    verdict === newest && verdict.brokenAt === null && unsigned !== null
      ? { ...verdict, ok: false, brokenAt: unsigned }
      : verdict,
  );
  const broken = chains.find(({ brokenAt }) => brokenAt !== null);
  const assurance = assuranceOf(evidence, chains);
  return {
    ok: broken === undefined,
    records: chains.reduce((sum, { records }) => sum + records, 0),
    head: chains.findLast(({ head }) => head !== null)?.head ?? null,
    ...(broken?.brokenAt == null ? {} : { brokenAt: { chain: broken.chain, ...broken.brokenAt } }),
    assurance,
    says: meaning[assurance],
    chains,
    signers: signersOf(evidence),
  };
}

function assuranceOf({ signer, anchors, anchorsFrom }: HistoryEvidence, chains: readonly ChainVerdict[]): Assurance {
  const newest = chains.at(-1);
  if (signer === null || newest === undefined || newest.signedTo === 0) return 'chain';
  return anchors !== null && anchorsFrom !== 'export' && newest.anchoredTo > 0 ? 'anchored' : 'signed';
}

const meaning: Readonly<Record<Assurance, string>> = {
  chain:
    'The chain of hashes alone: it shows accidents and careless edits. Whoever can write the table can rewrite it whole, and nothing here would show that.',
  signed:
    'Heads signed with a key of their own: a writer of the table who cannot sign shows, up to the newest signed record. Whoever can sign, the app itself included, can still rewrite the past, and an end that was cut off together with its signed heads does not show.',
  anchored:
    'Signed heads, anchored outside the table: where the container has an immutability policy, even a compromised app that rewrites or cuts off what was anchored before shows. What no signed head covers yet rests on the chain alone, and nothing shows that what was recorded was true.',
};

function signersOf({ seals, signer }: HistoryEvidence): AuditVerification['signers'] {
  const found = new Map<string, string>();
  for (const seal of seals) {
    const standing = signer?.(seal);
    if (found.has(seal.kid) || standing?.standing === 'foreign') continue;
    try {
      found.set(seal.kid, thumbprintOf(standing?.standing === 'ours' ? standing.jwk : seal.jwk));
    } catch {
      // A signed head that names no key was judged already.
    }
  }
  return [...found].map(([kid, thumbprint]) => ({ kid, thumbprint }));
}
