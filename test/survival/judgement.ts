import type { LoggedRequest } from '../../sandbox/kit';
import type { Rotation } from '../../sandbox/run/contract';
import { checkValue, digest, openRecord } from '../../sandbox/run/owner';
import { type ChainedRecord, chainProblems } from './history';
import { idOf, type OwnedStore, type StoredRecord } from './owned-store';
import { digestOf } from './private-keys';
import type { SeenWrite } from './storage-front';
import type { Trial } from './trial';

/** How a trial must stand. */
export interface Wanted {
  /** Phases of which the rotation must be in one. */
  readonly phases: readonly string[];
  /** Versions of which each record must name one. */
  readonly versions: readonly string[];
  /** Records that may name any version, because nothing can be done with them. */
  readonly except?: readonly string[];
  /** What the history must tell: each of them in one record at least. */
  readonly told: readonly Telling[];
}

export interface Telling {
  readonly action: string;
  readonly outcome?: string;
  /** Found in the message or in the details. */
  readonly text?: RegExp;
}

/** A report names the first ones; ten thousand would hide what is wrong. */
const SHOWN = 12;

/**
 * Looks at everything from outside, with none of Keyturn's code: opens every record with the private keys, holds every write that was seen
 * against what the vault had answered by then, and reads the history. Nothing is wrong if nothing is answered.
 */
export async function shortcomings(trial: Trial, wanted: Wanted): Promise<string[]> {
  const { store } = trial;
  store.keys.refresh();
  const [records, rotation, history] = [await store.all(), await trial.rotation(), await trial.history()];
  const problems = [
    ...trial.ground.front.mistakes,
    ...(wanted.phases.includes(rotation.phase) ? [] : [standing(rotation)]),
    ...namesProblems(store, records),
    ...(await Promise.all(records.map((record) => recordProblems(store, record, wanted)))).flat(),
    ...writeProblems(store, records, trial.writes, await trial.ground.asked(trial.name)),
    ...chainProblems(history),
    ...((await trial.historyVerifies()) ? [] : ['the app does not find its history whole']),
    ...tellingProblems(history, wanted.told),
  ];
  return problems.length <= SHOWN ? problems : [...problems.slice(0, SHOWN), `and ${problems.length - SHOWN} more`];
}

function standing({ phase, waitingFor, reasons }: Rotation): string {
  const why = reasons.map(({ code, message }) => `${code}: ${message}`).join('; ');
  return `the rotation is ${phase}, waiting for ${waitingFor ?? 'nothing'} (${why})`;
}

/** None lost, none doubled. */
function namesProblems(store: OwnedStore, records: readonly StoredRecord[]): string[] {
  const found = new Set(records.map(idOf));
  const lost = [...store.remembered.keys()].filter((id) => !found.has(id));
  const strange = [...found].filter((id) => !store.remembered.has(id));
  return [
    ...lost.map((id) => `${id} is gone`),
    ...strange.map((id) => `${id} is there, and its owner has deleted or never made it`),
  ];
}

/** Opens by the version that the record names, to what its owner put there; so does the blob that is kept for the way back. */
async function recordProblems(store: OwnedStore, record: StoredRecord, wanted: Wanted): Promise<string[]> {
  const id = idOf(record);
  const remembered = store.remembered.get(id);
  if (remembered === undefined) return [];
  const problems: string[] = [];
  const version = record.kid.split('/').at(-1) ?? '';
  if (!wanted.versions.includes(version) && wanted.except?.includes(id) !== true) {
    problems.push(`${id} is on ${version}`);
  }
  try {
    const text = await openRecord(record, async (kid, alg, blob) => store.keys.unwrap(kid, alg, blob));
    if (digest(text) !== remembered.text) problems.push(`${id} opens, but to something else than its owner wrote`);
    if (record.alg !== remembered.alg) problems.push(`${id} was ${remembered.alg} and is ${record.alg}`);
    if (remembered.checked && record.check !== checkValue(remembered.dataKey))
      problems.push(`${id} lost its check value`);
  } catch (error) {
    problems.push(`${id} does not open: ${(error as Error).message}`);
  }
  const kept = keptIn(record.previous);
  // What an owner merges over leaves the kept blob of his former data key behind: only of ours it has to be the same.
  if (kept === null || store.ownBlobs.has(record.blob)) return problems;
  try {
    const old = store.keys.unwrap(kept.kid, kept.alg, kept.blob);
    if (!old.equals(remembered.dataKey)) problems.push(`${id} keeps an old blob of another data key`);
  } catch (error) {
    problems.push(`${id} keeps an old blob that does not open: ${(error as Error).message}`);
  }
  return problems;
}

interface Kept {
  readonly kid: string;
  readonly alg: string;
  readonly blob: string;
}

function keptIn(previous: string | undefined): Kept | null {
  return previous === undefined || previous === '' ? null : (JSON.parse(previous) as Kept);
}

/**
 * I9, seen from the wire: before a write of a blob that is not its owner's own set out, the vault had answered Keyturn an unwrap of that very
 * blob with the version the record is to name, and of the blob that it replaces; answers that were lost or falsified do not count.
 */
function writeProblems(
  store: OwnedStore,
  records: readonly StoredRecord[],
  writes: readonly SeenWrite[],
  asked: readonly LoggedRequest[],
): string[] {
  const answered = answeredUnwraps(asked);
  const before = (kid: string, blob: string, time: number) =>
    (answered.get(`${kid.split('/').at(-1)} ${digestOf(blob)}`) ?? []).filter((at) => at <= time).length;
  const landed = new Set(writes.filter((write) => write.landed).map(({ blob }) => blob));
  const unseen = records.filter(({ blob }) => !store.ownBlobs.has(blob) && !landed.has(blob));
  // Where nothing was seen, nothing was proved.
  const problems = unseen.map((record) => `nobody saw how the blob of ${idOf(record)} was written`);
  for (const { id, kid, blob, previous, arrivedAt } of writes) {
    if (store.ownBlobs.has(blob)) continue;
    if (before(kid, blob, arrivedAt) < 1) problems.push(`a blob of ${id} was written that was not unwrapped before`);
    const kept = keptIn(previous);
    if (kept === null) continue;
    // Without a check value nothing but a second unwrap tells that the first was right.
    const needed = store.ownBlobs.get(kept.blob) === false ? 2 : 1;
    const unwraps = before(kept.kid, kept.blob, arrivedAt);
    if (unwraps < needed) problems.push(`the blob that ${id} had was replaced after ${unwraps} unwraps of it`);
  }
  return problems;
}

/** When each unwrap was answered to Keyturn, by version and digest of the blob. */
function answeredUnwraps(asked: readonly LoggedRequest[]): ReadonlyMap<string, readonly number[]> {
  const times = new Map<string, number[]>();
  for (const { path, digest: blob, principal, status, fault, answeredAt } of asked) {
    const version = /\/keys\/[^/]+\/([^/]+)\/unwrapkey$/i.exec(path)?.[1];
    if (version === undefined || principal !== 'keyturn' || status !== 200 || fault === 'wrongBytes') continue;
    const name = `${version} ${blob}`;
    const known = times.get(name);
    if (known === undefined) times.set(name, [answeredAt]);
    else known.push(answeredAt);
  }
  return times;
}

function tellingProblems(history: readonly ChainedRecord[], told: readonly Telling[]): string[] {
  return told
    .filter(({ action, outcome, text }) => {
      return !history.some(
        (record) =>
          record.action === action &&
          (outcome === undefined || record.outcome === outcome) &&
          (text === undefined || text.test(`${record.message} ${JSON.stringify(record.details)}`)),
      );
    })
    .map(({ action, outcome, text }) => `the history tells of no ${action} ${outcome ?? ''} ${text ?? ''}`.trim());
}
