import { type ChainHead, chain, verifyChain } from '../../shared/rotation/audit-chain';
import { partitionOf } from '../../shared/rotation/key-identifier';
import type { AuditLog, AuditRecord } from '../../shared/rotation/ports';
import { type Fake, interference } from './interference';

interface FakeAuditLogExtra {
  /** The stored records of a KEK, oldest first: to look at, and to tamper with. */
  stored(key: string): AuditRecord[];
}

interface StoredChain {
  readonly records: AuditRecord[];
  /** Kept apart from the records, so that a cut tail shows. */
  head: ChainHead | null;
  readonly byIdempotencyKey: Map<string, AuditRecord>;
}

/** The audit log in memory: one chain for each KEK. */
export function fakeAuditLog(effects: string[] = []): Fake<AuditLog, FakeAuditLogExtra> {
  const { interfere, run } = interference<AuditLog>(effects);
  const chains = new Map<string, StoredChain>();
  const chainOf = (key: string): StoredChain => {
    const partition = partitionOf(key);
    const found: StoredChain = chains.get(partition) ?? { records: [], head: null, byIdempotencyKey: new Map() };
    chains.set(partition, found);
    return found;
  };

  return {
    interfere,
    stored: (key) => chainOf(key).records,
    append: (key, entry, idempotencyKey) =>
      run('append', `${entry.action} ${entry.outcome}`, () => {
        const stored = chainOf(key);
        const known = stored.byIdempotencyKey.get(idempotencyKey);
        if (known !== undefined) return structuredClone(known);
        const record = chain(stored.head, key, structuredClone(entry));
        stored.records.push(record);
        stored.head = { sequence: record.sequence, hash: record.hash };
        stored.byIdempotencyKey.set(idempotencyKey, structuredClone(record));
        return structuredClone(record);
      }),
    list: (key, { rotationId, limit, continuation, from = null, to = null }) =>
      run('list', '', () => {
        const after = continuation === null ? 0 : Number(continuation);
        const wanted = chainOf(key).records.filter(
          (record) =>
            record.sequence > after &&
            (rotationId === null || record.rotationId === rotationId) &&
            (from === null || Date.parse(record.at) >= from.getTime()) &&
            (to === null || Date.parse(record.at) <= to.getTime()),
        );
        const items = structuredClone(wanted.slice(0, limit));
        return { items, continuation: wanted.length > limit ? String(items.at(-1)?.sequence) : null };
      }),
    verify: (key) =>
      run('verify', '', () => {
        const { records, head } = chainOf(key);
        return verifyChain(structuredClone(records), head, key);
      }),
  };
}
