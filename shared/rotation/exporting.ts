import type { Narrowing, OtherLine } from '../contracts/audit-export';
import type { AuditLog, AuditQuery, AuditRecord, ChainHead } from './ports';
import type { RotationPorts } from './run-ports';
import { signedPlaces } from './verifying';

/** One page of an export: the records, and what a verifier needs beside them. */
export interface ExportedPage {
  readonly records: readonly AuditRecord[];
  /** Lines before and after the records. */
  readonly opening: OtherLine;
  readonly closing: readonly OtherLine[];
  readonly continuation: string | null;
}

/**
 * A page of a history. The last one of an export that was not narrowed ends with the heads, the signed heads and the anchors, so that it can
 * be verified without anything else; what was appended after they were read is left out.
 */
export async function exportPage(
  { auditLog, sealing, now }: Pick<RotationPorts, 'auditLog' | 'sealing' | 'now'>,
  key: string,
  query: AuditQuery,
): Promise<ExportedPage> {
  const narrowedBy = narrowingOf(query);
  // In this order: nothing that was signed or anchored, and no head, is newer than the records.
  const { seals, anchors } =
    narrowedBy === null ? await signedPlaces({ auditLog, ...(sealing && { sealing }) }, key) : nothing;
  const { heads } = await auditLog.trail(key);
  const { items, continuation } = await auditLog.list(key, query);
  const records = await upTo(auditLog, key, heads.at(-1) ?? null, items);
  const last = continuation === null && narrowedBy === null;
  const opening = {
    kind: 'export',
    schema: 'keyturn/audit-export/v1',
    key,
    exportedAt: now().toISOString(),
    narrowedBy,
    continuation: query.continuation,
  } as const;
  return {
    records,
    opening,
    closing: [
      ...(last ? seals : []).map((seal) => ({ kind: 'seal', ...seal }) as const),
      ...(last ? (anchors ?? []) : []).map((place) => ({ kind: 'anchor', ...place }) as const),
      ...(last ? heads : []).map((head) => ({ kind: 'head', ...head }) as const),
      { kind: 'end', records: records.length, continuation },
    ],
    continuation,
  };
}

const nothing = { seals: [], anchors: null };

/** Without what was appended since the heads were read; where nothing was, what goes past the head was smuggled in, and is shown. */
async function upTo(
  auditLog: AuditLog,
  key: string,
  newest: ChainHead | null,
  items: readonly AuditRecord[],
): Promise<readonly AuditRecord[]> {
  const within = ({ chain, sequence }: AuditRecord): boolean =>
    newest !== null && (chain < newest.chain || (chain === newest.chain && sequence <= newest.sequence));
  if (items.every(within) || (await auditLog.head(key))?.hash === newest?.hash) return items;
  return items.filter(within);
}

function narrowingOf({ rotationId, target, actor, outcome, from, to }: AuditQuery): Narrowing | null {
  const asked = { rotationId, target, actor, outcome, from: from?.toISOString(), to: to?.toISOString() };
  const given = Object.entries(asked).filter(([, value]) => value != null);
  return given.length === 0 ? null : (Object.fromEntries(given) as Narrowing);
}
