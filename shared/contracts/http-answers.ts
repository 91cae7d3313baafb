import * as z from 'zod';
import { historyFaults } from './history';
import type { Health, KeyView, Problem } from './http';
import { type Page, type Plan, phases, type RetirementEvidence, type Rotation, runs, targetKinds } from './rotation';

/**
 * What the routes answer, as schemas: the description at `GET /api/openapi.json` is made from them. `agreeing` makes it a compile
 * error when a schema and the interface that the code works with say different things.
 */

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** The schema as it is, if what it parses is exactly `T`; otherwise it does not compile. */
export const agreeing =
  <T>() =>
  <S extends z.ZodType>(schema: S & (Same<z.output<S>, T> extends true ? unknown : never)): S =>
    schema;

const instant = z.iso.datetime();
const nullable = <S extends z.ZodType>(schema: S) => z.union([schema, z.null()]);
const list = <S extends z.ZodType>(item: S) => z.array(item).readonly();
const count = z.int().min(0);
const kind = z.enum(targetKinds);

const reason = z.object({ code: z.string(), message: z.string() });

/** `continuation` is null at the end of a list. */
const pageOf = <S extends z.ZodType>(item: S) => z.object({ items: list(item), continuation: nullable(z.string()) });

export const rotationAnswer = agreeing<Rotation>()(
  z.object({
    rotationId: z.string(),
    run: z.exactOptional(z.enum(runs)),
    key: z.string(),
    phase: z.enum(phases),
    waitingFor: nullable(z.enum(['approval', 'fault', 'pause', 'policy', 'window'])),
    reason: z.string(),
    previousVersion: nullable(z.string()),
    nextVersion: nullable(z.string()),
    replacement: z.exactOptional(z.string()),
    planHash: nullable(z.string()),
    targets: list(
      z.object({
        kind,
        name: z.string(),
        version: nullable(z.string()),
        done: count,
        total: count,
        keysPerSecond: z.number().min(0).exactOptional(),
        secondsLeft: count.exactOptional(),
      }),
    ),
    reasons: list(reason),
    requestedAt: instant,
    endedAt: nullable(instant),
  }),
);

export const rotationPage = agreeing<Page<Rotation>>()(pageOf(rotationAnswer));

/** Why every key is paused; null while none is. */
export const pauseAnswer = z.object({ reason: nullable(z.string()) });

export const startedAnswer = z.object({ rotationId: z.string() });

export const planAnswer = agreeing<Plan>()(
  z.object({
    planHash: z.string(),
    decision: z.enum(['go', 'skip', 'refuse']),
    previousVersion: nullable(z.string()),
    nextVersion: nullable(z.string()),
    checks: list(
      z.object({
        target: z.string(),
        code: z.string(),
        result: z.enum(['yes', 'no', 'unknown']),
        message: z.string(),
      }),
    ),
  }),
);

/** The record as it is chained: its hash is that of the canonical JSON of every other member. */
export const auditRecord = z.object({
  rotationId: z.string(),
  at: instant,
  actor: z.string(),
  action: z.string(),
  target: nullable(z.string()),
  outcome: z.enum(['intended', 'done', 'refused', 'failed', 'noted']),
  message: z.string(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).readonly(),
  key: z.string(),
  chain: z.int().min(1),
  sequence: z.int().min(1),
  previousHash: z.string(),
  hash: z.string(),
});

export const auditPage = pageOf(auditRecord);

const historyFault = z.enum(historyFaults);

/** `brokenAt` names the first record that does not hold; `says` who is kept out by what was checked, and who is not. */
export const auditVerification = z.object({
  ok: z.boolean(),
  records: count,
  head: nullable(z.string()),
  brokenAt: z.exactOptional(z.object({ chain: z.int(), sequence: z.int(), fault: historyFault, message: z.string() })),
  assurance: z.enum(['chain', 'signed', 'anchored']),
  says: z.string(),
  chains: list(
    z.object({
      chain: z.int(),
      ok: z.boolean(),
      records: count,
      head: nullable(z.string()),
      signedTo: count,
      anchoredTo: count,
      begins: nullable(z.object({ at: z.string(), message: z.string(), brokenChain: nullable(z.int()) })),
      brokenAt: nullable(z.object({ sequence: z.int(), fault: historyFault, message: z.string() })),
    }),
  ),
  signers: list(z.object({ kid: z.string(), thumbprint: z.string() })),
});

const retirementEvidence = agreeing<RetirementEvidence>()(
  z.object({
    strength: z.enum(['vault-log', 'control-plane']),
    at: instant,
    targets: count,
    log: nullable(z.object({ from: instant, until: instant, newestRecord: instant, ownUses: count })),
  }),
);
const keyLink = z.object({ key: z.string(), rotationId: z.string(), at: instant });

const keyView = agreeing<KeyView>()(
  z.object({
    key: z.string(),
    mode: z.enum(['act', 'observe']),
    version: nullable(z.string()),
    createdOn: nullable(instant),
    ageSeconds: nullable(z.int()),
    expiresOn: nullable(instant),
    targets: list(
      z.object({
        kind,
        name: z.string(),
        version: nullable(z.string()),
        versions: nullable(list(nullable(z.string()))),
      }),
    ),
    running: nullable(z.string()),
    revokedAt: nullable(instant),
    replacedBy: nullable(keyLink),
    replaces: nullable(keyLink),
    pendingRetirement: nullable(
      z.object({
        rotationId: z.string(),
        versions: list(z.string()),
        completedAt: instant,
        dueAt: instant,
        status: z.string(),
        reasons: list(reason),
        evidence: nullable(retirementEvidence),
      }),
    ),
    drifts: list(
      z.object({
        kind: z.enum(['iotHub', 'dps']),
        name: z.string(),
        version: nullable(z.string()),
        expected: z.string(),
        since: instant,
        cause: nullable(z.string()),
      }),
    ),
    findings: list(reason),
    problem: nullable(z.string()),
  }),
);

export const keyPage = agreeing<Page<KeyView>>()(pageOf(keyView));

/** `events`: what became of the key events since this process started, by code. */
export const healthAnswer = agreeing<Health & { readonly events: Readonly<Record<string, number>> }>()(
  z.object({
    ok: z.boolean(),
    needs: list(z.object({ name: z.string(), ok: z.boolean(), message: z.string() })),
    sweep: nullable(z.object({ startedAt: instant, finishedAt: instant, keys: count, failed: count })),
    events: z.record(z.string(), z.number()).readonly(),
  }),
);

export const problemAnswer = agreeing<Problem>()(
  z.object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    issues: z.exactOptional(list(z.object({ path: z.string(), message: z.string() }))),
    rotationId: z.exactOptional(z.string()),
    phase: z.exactOptional(z.string()),
    allowed: z.exactOptional(list(z.string())),
    planHash: z.exactOptional(z.string()),
  }),
);
