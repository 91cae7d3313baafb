import type { Figure } from '../figures';
import type { Held } from '../gauge';
import type { Cause } from './events';
import type { Kept } from './stores';

/** What is looked at of a rotation. */
export interface Ran {
  readonly rotationId: string;
  readonly key: string;
  readonly reason: string;
  readonly phase: string;
}

/** What is looked at of an alert. */
export interface Told {
  readonly eventType: string;
  readonly data: unknown;
  /** How often it came under its id. */
  readonly copies: number;
}

export interface Played {
  readonly causes: readonly Cause[];
  readonly rotations: readonly Ran[];
  readonly alerts: readonly Told[];
  /** KEKs whose history does not verify, and those whose claim is not free, at the end. */
  readonly broken: number;
  readonly held: number;
  /** Orchestrations that have not ended, or have failed. */
  readonly running: number;
  readonly failed: number;
}

const completed = 'Keyturn.Rotation.Completed';
const retired = 'Keyturn.Version.Retired';

/** What has to be exact, each as a figure that has to be 0. */
export function exactly(played: Played): Figure[] {
  const wanted = new Map(played.causes.map((cause) => [reasonOf(cause), 0]));
  let nobodyAsked = 0;
  for (const { key, reason } of played.rotations) {
    const name = `${key}: ${reason}`;
    const known = wanted.get(name);
    if (known === undefined) nobodyAsked += 1;
    else wanted.set(name, known + 1);
  }
  const counts = [...wanted.values()];
  const lost = counts.filter((count) => count === 0).length;
  const doubled = counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0);
  const unfinished = played.rotations.filter(({ phase }) => phase !== 'completed').length;
  const ids = played.rotations.map(({ rotationId }) => rotationId);
  const untold = ids.filter((id) => !played.alerts.some((alert) => isOf(alert, completed, id))).length;
  const meant = played.alerts.filter(({ eventType }) => eventType === completed || eventType === retired);
  const once = new Set(meant.map(({ eventType, data }) => `${eventType} ${idOf(data)}`)).size;
  const sent = meant.reduce((sum, { copies }) => sum + copies, 0);
  return [
    { name: 'rotations', value: played.rotations.length, unit: '' },
    none('causes without a rotation', lost),
    none('rotations of a cause that had one', doubled),
    none('rotations that nobody asked for', nobodyAsked),
    none('rotations that did not complete', unfinished),
    none('completed rotations of which nobody was told', untold),
    none('alerts of anything else', played.alerts.length - meant.length),
    none('alerts that came twice', sent - once),
    none('histories that do not verify', played.broken),
    none('claims that are not free', played.held),
    none('orchestrations that have not ended', played.running),
    none('orchestrations that failed', played.failed),
  ];
}

const none = (name: string, value: number): Figure => ({ name, value, unit: '', bar: { atMost: 0 } });

const reasonOf = ({ key, type, version }: Cause): string => `${key}: ${type} of version ${version}`;

const idOf = (data: unknown): string => String((data as { rotationId?: unknown } | null)?.rotationId);

const isOf = ({ eventType, data }: Told, type: string, rotationId: string): boolean =>
  eventType === type && idOf(data) === rotationId;

/** Of these there are more after each rotation, by design: they are its history, and how it can be undone. */
const growing = [
  'undo entries and commands',
  'retirements',
  'audit records',
  'audit keys against repeats',
  'audit seals',
  'rotation documents',
  'plans',
  'anchors',
] as const;

/** One for each KEK at the most; of the watch one more, for the last sweep of all. */
const ofEachKey = ['claims', 'audit heads'] as const;

/** How much of each there is at the end for each rotation: what must not depend on anything else. */
export function eachRotation(from: Kept, to: Kept, rotations: number): Figure[] {
  return growing
    .map((name) => ({ name, value: ((to[name] ?? 0) - (from[name] ?? 0)) / rotations }))
    .map(({ name, value }) => ({ name: `${name}, a rotation`, value, unit: '' }));
}

/** What there may be of rows that no rotation adds to: figures that have to be 0. */
export function withinLimits(
  kept: Kept,
  { keys, vaults, remembered }: { readonly keys: number; readonly vaults: number; readonly remembered: number },
): Figure[] {
  const count = (name: string) => kept[name] ?? Number.NaN;
  return [
    ...ofEachKey.map((name) => none(`${name} beyond one for each KEK`, Math.max(0, count(name) - keys))),
    none(
      'rows of the watch beyond one for each KEK and one for all',
      Math.max(0, count('rows of the watch') - keys - 1),
    ),
    none('budgets beyond one for each vault', Math.max(0, count('vault budgets') - vaults)),
    none('events seen beyond two rows for each version and type', count('events seen') - 2 * remembered),
    none('alerts still owed', count('alerts owed')),
    none('other rows', Object.keys(kept).filter((name) => name.startsWith('other rows')).length),
  ];
}

/** What the app's process holds, and what the stores keep, at one moment. */
export interface Reading {
  readonly held: Held;
  readonly kept: Kept;
}

/** What grows by less is noise: a collection leaves now more and now less. */
const flat = 1.1;
/**
 * The same of what comes in small numbers or depends on the machine's pace: connections that nobody uses are kept for minutes of machine time, and
 * memory that was needed once is given back late.
 */
const flatByPace = 1.25;

/**
 * What must not have grown: how much there is of each now, and the ratio of the medians, which has a bar.
 * @param what ends the name of the ratio, e.g. `last quarter ÷ second`
 * @param stores names of what the stores keep that must not have grown either
 */
export function notGrown(
  what: string,
  earlier: readonly Reading[],
  later: readonly Reading[],
  stores: readonly string[] = [],
): Figure[] {
  const of = (name: string, unit: string, value: (reading: Reading) => number, atMost = flat): Figure[] => [
    { name, value: median(later.map(value)), unit },
    { name: `  ${what}`, value: growth(earlier.map(value), later.map(value)), unit: '', bar: { atMost } },
  ];
  const mebibyte = 1_048_576;
  return [
    ...of('heap after a full collection', 'MiB', ({ held }) => held.heapBytes / mebibyte),
    ...of('timers', '', ({ held }) => held.timers),
    ...of('memory outside of the heap', 'MiB', ({ held }) => held.externalBytes / mebibyte, flatByPace),
    ...of('resident memory', 'MiB', ({ held }) => held.residentBytes / mebibyte, flatByPace),
    ...of('file descriptors', '', ({ held }) => held.descriptors, flatByPace),
    ...of('sockets, idle ones too', '', ({ held }) => held.sockets, flatByPace),
    ...stores.flatMap((name) => of(name, '', ({ kept }) => kept[name] ?? 0, flatByPace)),
  ];
}

/** Of two stretches of time the ratio of their medians; 1 where both are nothing. */
function growth(earlier: readonly number[], later: readonly number[]): number {
  const [before, after] = [median(earlier), median(later)];
  return before === after ? 1 : after / before;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}
