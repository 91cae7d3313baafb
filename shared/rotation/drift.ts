import type { RunPlan } from '../contracts/activities';
import { versionOf } from './key-identifier';
import type { Drift, ResourceChange, Target } from './ports';

/** Where the last completed rotation left the targets that it moved. */
export interface Expected {
  readonly version: string;
  /** Null where it is not on record; then it moved every target. */
  readonly plan: RunPlan | null;
}

export type DriftedTarget = Pick<Drift, 'kind' | 'name' | 'version' | 'expected'>;

/**
 * The hubs and DPS that are not where the rotation left them. Data keys have none: which version their owner wraps with is his
 * word, and what still names an old one keeps it from being retired. A target that came into the configuration later has not drifted.
 */
export function driftsOf(
  targets: readonly Target[],
  references: readonly PromiseSettledResult<readonly string[]>[],
  { version: expected, plan }: Expected,
): readonly DriftedTarget[] {
  return targets.flatMap(({ kind, name }, index): DriftedTarget[] => {
    const named = references[index];
    if (kind === 'dataKeys' || named?.status !== 'fulfilled') return [];
    const moved = plan === null || plan.targets.some((planned) => planned.kind === kind && planned.name === name);
    const versions = named.value.map((kid) => versionOf(kid));
    if (!moved || (versions.length > 0 && versions.every((version) => version === expected))) return [];
    return [{ kind, name, expected, version: versions.find((version) => version !== expected) ?? null }];
  });
}

export const sameDrift = (a: DriftedTarget, b: DriftedTarget): boolean =>
  a.kind === b.kind && a.name === b.name && a.version === b.version && a.expected === b.expected;

/** The likely cause in a sentence, from the latest change that Azure remembers; null if it remembers none. */
export function causeOf(change: ResourceChange | null): string | null {
  if (change === null) return null;
  const { at, by, client, correlationId, ofKey } = change;
  const who = `${client ?? 'a client that Azure does not name'}${by === null ? '' : `, by ${by}`}`;
  const trace = correlationId === null ? '' : ` (correlation id ${correlationId})`;
  return ofKey
    ? `The key reference was changed at ${at} with ${who}${trace}: most likely a deployment that still names another version.`
    : `The latest change of the resource that Azure remembers was at ${at} with ${who}${trace}; it is not said whether it changed the key.`;
}

/** Where it stands and where it belongs, as the end of a sentence. */
export const stands = ({ version, expected }: DriftedTarget): string =>
  `${version === null ? 'names no version of this key' : `stands on version ${version}`}, but the last rotation left it on ${expected}`;
