import type { Alert, AuditVerification, Rotation } from './contract';
import type { Comparison, ReadCounts } from './readers';
import { names } from './seed';
import type { Scenario } from './stage';
import type { Standing } from './standings';

/** Everything that was found out about a run after it was over, and what follows from it. */
export interface Outcome {
  readonly scenario: string;
  readonly title: string;
  readonly rotation: Rotation | null;
  /** Rotations of the key, all told. */
  readonly rotations: number;
  /** Version in use before. */
  readonly versionBefore: string;
  readonly standings: readonly Standing[];
  readonly comparisons: readonly Comparison[];
  readonly reads: ReadonlyMap<string, ReadCounts>;
  readonly readProblems: readonly string[];
  readonly audit: AuditVerification | null;
  readonly alerts: readonly Alert[];
  readonly milliseconds: number;
  readonly virtualMilliseconds: number;
  /** Why the scenario itself gave up; null if it did not. */
  readonly failure: string | null;
}

/** What is not as the scenario says it must be, one sentence each; nothing if all is well. */
export function shortcomings(outcome: Outcome, expect: Scenario['expect']): string[] {
  const { rotation, failure } = outcome;
  return [
    ...(failure === null ? [] : [failure]),
    ...phaseProblems(rotation, expect.phase),
    ...countProblems(outcome.rotations, expect.rotations ?? (expect.phase === null ? 0 : 1)),
    ...standingProblems(outcome, expect),
    ...outcome.comparisons.flatMap(comparisonProblems),
    ...outcome.readProblems,
    ...auditProblems(outcome, expect),
    ...alertProblems(outcome.alerts, expect),
  ];
}

function phaseProblems(rotation: Rotation | null, wanted: string | null): string[] {
  if ((rotation?.phase ?? null) === wanted) return [];
  return wanted === null
    ? [`there must be no rotation, and one is ${rotation?.phase}`]
    : [`the rotation must end as ${wanted} and is ${rotation?.phase ?? 'not there'}`];
}

function countProblems(rotations: number, wanted: number): string[] {
  if (rotations === wanted) return [];
  const many = wanted === 1 ? 'one rotation' : `${wanted} rotations`;
  return [`there must be ${many} and there are ${rotations}`];
}

function standingProblems({ standings, rotation, versionBefore }: Outcome, { standsOn }: Scenario['expect']): string[] {
  const next = rotation?.nextVersion ?? null;
  const role = (kind: Standing['kind']) => (typeof standsOn === 'string' ? standsOn : standsOn[kind]);
  const versions = { previous: versionBefore, next, 'no single one': null };
  if (standsOn === 'next' && next === versionBefore) return ['the next version is the one that was in use before'];
  if (standings.length === 0) return ['nobody could read which version the targets are on'];
  // What lies under another key is that key's matter; the scenario looks after it.
  const ours = standings.filter(({ key }) => key === names.key);
  return ours
    .map((standing) => ({ ...standing, wanted: versions[role(standing.kind)] }))
    .filter(({ kind, version, wanted }) => version !== wanted || (wanted === null && role(kind) === 'next'))
    .map(
      ({ kind, name, version, wanted }) =>
        `${kind}/${name} must be on ${wanted ?? 'no single version'} and is on ${version ?? 'more than one version, or none'}`,
    );
}

function comparisonProblems({ source, total, problems }: Comparison): string[] {
  const where = `${source.kind}/${source.name}`;
  if (total === 0) return [`${where} had no old records, so nothing was proved`];
  return problems.map((problem) => `${where}: ${problem}`);
}

function auditProblems({ audit }: Outcome, { phase, history }: Scenario['expect']): string[] {
  if (audit === null) return ['the history could not be verified'];
  if (history === 'broken') return audit.ok ? ['the history was tampered with, and verification does not say so'] : [];
  if (!audit.ok) return [`the history is broken at record ${audit.brokenAt?.sequence}: ${audit.brokenAt?.message}`];
  // Where nothing has run there is nothing to tell.
  if (audit.records === 0) return phase === null ? [] : ['the history is empty'];
  return audit.assurance === 'anchored' ? [] : ['the history is not signed and anchored'];
}

function alertProblems(alerts: readonly Alert[], expect: Scenario['expect']): string[] {
  const allowed = [...(expect.alert === null ? [] : [expect.alert]), ...(expect.alsoAllowed ?? [])];
  const missing = expect.alert !== null && !alerts.some(({ eventType }) => eventType === expect.alert);
  return [
    ...(missing ? [`the alert topic did not receive ${expect.alert}`] : []),
    ...alerts
      .filter(({ eventType }) => !allowed.includes(eventType))
      .map(({ eventType }) => `the alert topic received ${eventType}`),
  ];
}

/** What `--json` prints. */
export function report(outcome: Outcome): object {
  const { scenario, rotation, versionBefore, standings, comparisons, audit, milliseconds } = outcome;
  return {
    scenario,
    rotationId: rotation?.rotationId ?? null,
    phase: rotation?.phase ?? null,
    previousVersion: rotation?.previousVersion ?? versionBefore,
    nextVersion: rotation?.nextVersion ?? null,
    targets: comparisons.map(({ source, before, after }) => ({
      kind: source.kind,
      name: source.name,
      version: standings.find(({ name }) => name === source.name)?.version ?? null,
      records: { before, after },
    })),
    audit: { ok: audit?.ok ?? false, records: audit?.records ?? 0 },
    milliseconds,
  };
}
