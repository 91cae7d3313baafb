import type { AuditRecord, ChainHead } from '../../shared/rotation/ports';
import { type AuditVerification, verifyHistory } from '../../shared/rotation/verify-history';

/** What the records of one chain, and the head kept apart from them, come to without any signature. */
export function verifyChain(
  records: AsyncIterable<AuditRecord> | Iterable<AuditRecord>,
  head: ChainHead | null,
  key?: string,
): Promise<AuditVerification> {
  return verifyHistory({
    ...(key === undefined ? {} : { key }),
    records,
    heads: head === null ? [] : [head],
    seals: [],
    anchors: null,
    signer: null,
    now: null,
  });
}
