import * as z from 'zod';
import { phases, type Reason, type RetirementEvidence, runs, type TargetKind } from './rotation';

/** What a member must be, said where it is missing or is something else: zod's own words name types, not things. */
const must = (be: string) => ({
  error: ({ input }: { readonly input?: unknown }) =>
    input === undefined ? `is missing: give ${be}` : `must be ${be}`,
});

/** A text of limited length, with one sentence for whatever is wrong with it. */
const text = (be: string, longest: number) => z.string(must(be)).min(1, must(be)).max(longest, must(be));

/** What every body and query is. */
const fields = must('an object with the members that GET /api/openapi.json describes');

/** A Key Vault version as every route takes it: bare, 32 hexadecimal digits. */
const bareVersion = must('a bare version: 32 hexadecimal digits');
const version = z.string(bareVersion).regex(/^[0-9a-fA-F]{32}$/, bareVersion);
const key = text('the key identifier https://<vault>/keys/<name>, without a version', 512);
const why = must('a text of 1 to 500 characters that says why');

const life = must('an ISO 8601 duration, e.g. P90D');
const duration = z.string(life).regex(/^P(?=.)(\d{1,4}Y)?(\d{1,4}M)?(\d{1,4}D)?$/, life);
const writing = must('what is to be written: rotationPolicy, expiresOn');

/** What an `adopt` writes. Key Vault's own rules decide what is too short; nothing is written that is not named here. */
const adoption = z.strictObject(
  {
    rotationPolicy: z.exactOptional(
      z.strictObject(
        {
          expiresIn: duration,
          rotatesBeforeExpiry: duration,
          notifiesBeforeExpiry: z.exactOptional(duration),
        },
        must('an object with expiresIn and rotatesBeforeExpiry'),
      ),
    ),
    expiresOn: z.exactOptional(
      z.iso.datetime({ offset: true, ...must('an instant with its offset, e.g. 2027-11-22T00:00:00Z') }),
    ),
  },
  writing,
);

/** Body of `POST /api/rotations`. Unknown members are refused, so that a misspelt one is not silently ignored. */
export const startRequest = z.strictObject(
  {
    key,
    // The description cannot say that it is trimmed; the pattern says what that comes to.
    reason: z.string(why).trim().min(1, why).max(500, why).meta({ pattern: '\\S' }),
    dryRun: z.boolean(must('true or false')).default(false),
    toVersion: version.nullable().default(null),
    run: z.enum(runs, must(`one of ${runs.join(', ')}`)).default('rotate'),
    adopt: adoption.nullable().default(null),
    replacement: text('the identifier of the key to move to, https://<vault>/keys/<name>, without a version', 512)
      .nullable()
      .default(null),
  },
  fields,
);
export type StartRequest = z.infer<typeof startRequest>;

const instant = z.iso
  .datetime({ offset: true, ...must('an instant with its offset, e.g. 2026-11-22T00:00:00Z') })
  .transform((text) => new Date(text));
const count = must('a whole number from 1 to 200');
const limit = z.coerce.number(count).int(count).min(1, count).max(200, count).default(50);
const continuation = text('the continuation of the page before', 2048).nullable().default(null);

/** Query of `GET /api/rotations`. */
export const listQuery = z.strictObject(
  {
    key: key.nullable().default(null),
    phase: z
      .enum(phases, must(`one of ${phases.join(', ')}`))
      .nullable()
      .default(null),
    from: instant.nullable().default(null),
    to: instant.nullable().default(null),
    limit,
    continuation,
  },
  fields,
);

/** Query of `GET /api/rotations/{id}/audit`. */
export const pageQuery = z.strictObject({ limit, continuation }, fields);

const planHash = must('the planHash of the plan: 64 hexadecimal digits');

/** Body of `POST /api/rotations/{id}/approve`. */
export const approveRequest = z.strictObject(
  {
    planHash: z.string(planHash).regex(/^[0-9a-f]{64}$/, planHash),
  },
  fields,
);

/** Body of `POST /api/pause`. */
export const pauseRequest = z.strictObject(
  { reason: z.string(why).trim().min(1, why).max(300, why).meta({ pattern: '\\S' }) },
  fields,
);

const outcomes = ['intended', 'done', 'refused', 'failed', 'noted'] as const;
const exported = must('a whole number from 1 to 10000');
/** Query of `GET /api/audit`. */
export const exportQuery = z.strictObject(
  {
    key: key.optional(),
    rotationId: text('the id of a rotation', 100).nullable().default(null),
    target: text('a target as the records name it, e.g. iotHub/factory', 200).nullable().default(null),
    actor: text('an actor as the records name him', 256).nullable().default(null),
    outcome: z
      .enum(outcomes, must(`one of ${outcomes.join(', ')}`))
      .nullable()
      .default(null),
    from: instant.nullable().default(null),
    to: instant.nullable().default(null),
    format: z.enum(['ndjson', 'csv'], must('ndjson or csv')).optional(),
    limit: z.coerce.number(exported).int(exported).min(1, exported).max(10_000, exported).default(10_000),
    continuation,
  },
  fields,
);

/** Query of `GET /api/audit/verify`. */
export const verifyQuery = z.strictObject({ key: key.optional() }, fields);

export const idempotencyKey = text('an Idempotency-Key of 1 to 200 characters', 200).nullable();

/** Longest request body, in bytes: the largest honest start is well under a tenth of it. */
export const longestBody = 16 * 1024;

/** One fault of a request: where, and what to do about it. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** RFC 9457. The members after `detail` come where they apply. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly issues?: readonly Issue[];
  readonly rotationId?: string;
  readonly phase?: string;
  readonly allowed?: readonly string[];
  readonly planHash?: string;
}

export interface Need {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
}

/** Another key that a `replace` tied to this one. */
export interface KeyLink {
  readonly key: string;
  readonly rotationId: string;
  readonly at: string;
}

/** One KEK as `GET /api/keys` shows it. What could not be read is null, and `problem` says why. */
export interface KeyView {
  readonly key: string;
  readonly mode: 'act' | 'observe';
  /** The oldest version that anything stands on: the one in use. */
  readonly version: string | null;
  readonly createdOn: string | null;
  readonly ageSeconds: number | null;
  readonly expiresOn: string | null;
  /** `version` is the oldest that the target names; a target of data keys may name several. */
  readonly targets: readonly {
    readonly kind: TargetKind;
    readonly name: string;
    readonly version: string | null;
    readonly versions: readonly (string | null)[] | null;
  }[];
  readonly running: string | null;
  /** Since when it is cut off on purpose; null if it is not. */
  readonly revokedAt: string | null;
  /** The key that took its place, by which run and when; null if none did. What stood under it stands under that one. */
  readonly replacedBy: KeyLink | null;
  /** The key whose place it took last. */
  readonly replaces: KeyLink | null;
  readonly pendingRetirement: {
    readonly rotationId: string;
    readonly versions: readonly string[];
    readonly completedAt: string;
    readonly dueAt: string;
    readonly status: string;
    /** Why the last try ended as it did. */
    readonly reasons: readonly Reason[];
    /** Null until idleness was proved. */
    readonly evidence: RetirementEvidence | null;
  } | null;
  /** Hubs and DPS that are not where the last completed rotation left them, as the last sweep found it. */
  readonly drifts: readonly {
    readonly kind: 'iotHub' | 'dps';
    readonly name: string;
    readonly version: string | null;
    readonly expected: string;
    readonly since: string;
    readonly cause: string | null;
  }[];
  /** What is wrong with the key or will be, as the last sweep found it; nothing is done about it by itself. */
  readonly findings: readonly { readonly code: string; readonly message: string }[];
  readonly problem: string | null;
}

/** `GET /api/health`: reachable without a key, so nothing in it names one. */
export interface Health {
  readonly ok: boolean;
  readonly needs: readonly Need[];
  /** The last sweep over every key that came to its end; null before the first. One of the needs says whether it is too long ago. */
  readonly sweep: {
    readonly startedAt: string;
    readonly finishedAt: string;
    readonly keys: number;
    readonly failed: number;
  } | null;
}
