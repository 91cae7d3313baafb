import { ChainWalk } from './chain-walk';
import type { AnchorStore, AuditLog, ChainBreak, ChainHead, HeadSigner, SignedHead } from './ports';
import { signedText, statementOf } from './signed-head';

/** What signs and anchors histories, and after how many records at the latest. */
export interface Sealing {
  readonly signer: HeadSigner;
  readonly anchors: AnchorStore;
  readonly every: number;
}

export type Sealed =
  | { readonly kind: 'nothing-new' }
  | { readonly kind: 'sealed'; readonly seal: SignedHead }
  /** What was to be signed does not follow from what was signed before: it was not signed. */
  | { readonly kind: 'broken'; readonly why: ChainBreak };

interface SealingPorts {
  readonly auditLog: AuditLog;
  readonly sealing: Sealing;
}

/**
 * Signs the newest record of a history and anchors it. What came since the last signed head is checked first: a key that signs whatever
 * lies in the table would vouch for forgeries. The anchor comes before the row beside the records, so that a row without an anchor is
 * always an anchor that was taken away; after a crash in between the next one covers both.
 * @throws FaultError, RefusalError of the signer, the anchors or the log
 */
export async function seal({ auditLog, sealing }: SealingPorts, key: string, now: Date): Promise<Sealed> {
  const head = await auditLog.head(key);
  if (head === null) return { kind: 'nothing-new' };
  const before = await auditLog.newestSeal(key, head.chain);
  if (before?.sequence === head.sequence && before.hash === head.hash) return { kind: 'nothing-new' };
  const why = await whatIsWrongSince(auditLog, key, before, head);
  if (why !== null) return { kind: 'broken', why };
  const { signer, anchors } = sealing;
  const signingKey = await signer.current();
  const statement = statementOf(key, head, signingKey, now.toISOString());
  const made = { ...statement, signature: await signer.sign(signingKey, signedText(statement)) };
  const kept = await anchors.put(made);
  await auditLog.keepSeal(key, kept);
  return { kind: 'sealed', seal: kept };
}

/** Walks from the last signed head to the one to be signed. */
async function whatIsWrongSince(
  auditLog: AuditLog,
  key: string,
  before: SignedHead | null,
  head: ChainHead,
): Promise<ChainBreak | null> {
  const { chain } = head;
  const marks = { at: new Map([[head.sequence, [{ hash: head.hash, vouchedBy: 'the head' }]]]), newest: head.sequence };
  const walk = new ChainWalk(chain, {
    key,
    head,
    marks,
    after: before && { chain, sequence: before.sequence, hash: before.hash },
  });
  const { records } = await auditLog.trail(key, { chain, sequence: before?.sequence ?? 0 });
  for await (const record of records) {
    // What was appended since the head was read is signed the next time.
    if (record.sequence <= head.sequence || record.hash === '') walk.take(record);
  }
  if (before !== null && before.sequence >= head.sequence) return setBack(before, head);
  walk.end();
  if (walk.flaw === null) return null;
  const { sequence, fault, message } = walk.flaw;
  return { brokenChain: chain, brokenSequence: sequence, fault, message, lastGood: walk.last };
}

/** The log says that its newest record is older than, or another than, the one that was signed. */
function setBack(before: SignedHead, { chain, sequence, hash }: ChainHead): ChainBreak {
  const same = before.sequence === sequence;
  const message = same
    ? `Record ${sequence} is not the one that was signed on ${before.signedAt}.`
    : `The newest record is ${sequence}, but ${before.sequence} was signed on ${before.signedAt}: the end was cut off.`;
  return {
    brokenChain: chain,
    brokenSequence: same ? sequence : sequence + 1,
    fault: same ? 'forged' : 'cut-off',
    message,
    lastGood: same ? null : { chain, sequence, hash },
  };
}
