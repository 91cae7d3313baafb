import * as z from 'zod';
import { auditRecord } from './http-answers';

/**
 * The lines of an NDJSON export. A record has no `kind`: it is written as it is chained, and its hash is that of the canonical JSON of
 * every other member. Every other line has one.
 */

const instant = z.iso.datetime();
const place = { chain: z.int().min(1), sequence: z.int().min(1), hash: z.string() };
const whatever = z.string().exactOptional();

/** What an export was narrowed by. One that was narrowed has gaps, so that only a whole one can be verified. */
const narrowing = z.object({
  rotationId: whatever,
  target: whatever,
  actor: whatever,
  outcome: whatever,
  from: whatever,
  to: whatever,
});
export type Narrowing = z.infer<typeof narrowing>;

/** The first line of every page. */
const openingLine = z.object({
  kind: z.literal('export'),
  schema: z.literal('keyturn/audit-export/v1'),
  key: z.string(),
  exportedAt: instant,
  narrowedBy: z.union([narrowing, z.null()]),
  /** Null on the first page. */
  continuation: z.union([z.string(), z.null()]),
});

/** A signed head: `signature` is over the canonical JSON of every other member but `kind`. On the last page. */
const sealLine = z.object({
  kind: z.literal('seal'),
  schema: z.literal('keyturn/signed-head/v1'),
  key: z.string(),
  ...place,
  signedAt: instant,
  kid: z.string(),
  algorithm: z.enum(['PS256', 'ES256', 'ES384', 'ES512']),
  jwk: z.union([
    z.object({ kty: z.literal('RSA'), n: z.string(), e: z.string() }),
    z.object({ kty: z.literal('EC'), crv: z.enum(['P-256', 'P-384', 'P-521']), x: z.string(), y: z.string() }),
  ]),
  signature: z.string(),
});

/** That the container of anchors held one for this record. On the last page. */
const anchorLine = z.object({ kind: z.literal('anchor'), ...place });

/** The newest record of a chain as it was kept apart from the records. On the last page. */
const headLine = z.object({ kind: z.literal('head'), ...place });

/** The last line of every page: what comes after it is missing, or the next page. */
const endLine = z.object({
  kind: z.literal('end'),
  records: z.int().min(0),
  /** For the next page; null on the last. */
  continuation: z.union([z.string(), z.null()]),
});

/** Every line but the records. */
export const otherLine = z.discriminatedUnion('kind', [openingLine, sealLine, anchorLine, headLine, endLine]);
export type OtherLine = z.infer<typeof otherLine>;

export const auditExportLine = z.union([auditRecord, otherLine]);
