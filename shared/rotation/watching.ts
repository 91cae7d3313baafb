import { createHash } from 'node:crypto';
import type { RunReference } from '../contracts/activities';
import type { Reason, Rotation } from '../contracts/rotation';
import { alertTypes, subjectOf, tell } from './alerting';
import { deploymentLines } from './deployment-lines';
import { discoveryFindings, unknownResource } from './discovery';
import { causeOf, type DriftedTarget, driftsOf, sameDrift, stands } from './drift';
import { ConflictError, FaultError, RefusalError } from './errors';
import { findingsOf, type HygieneFacts } from './hygiene';
import type { KeyFacts } from './key-facts';
import { kidOf, partitionOf, sameKey, versionOf } from './key-identifier';
import type { Claim, DeletedKey, Discovered, Drift, Watched } from './ports';
import { successorOf } from './replacing';
import type { RotationPorts } from './run-ports';
import { managedKey, record } from './run-record';

/** Azure has a change after some minutes: it is asked for at every sweep, for so long. */
const causeComesWithinSeconds = 2 * 3600;
/** Findings that one alert names; the rest is counted. */
const mostNamed = 20;
/** Shown but told to nobody: one subscription that cannot be read would be told once for each key. */
const notTold: ReadonlySet<string> = new Set(['discovery-unread']);

interface Watching {
  readonly ports: RotationPorts;
  readonly key: string;
  readonly facts: KeyFacts;
  readonly before: Watched;
}

/**
 * What nobody asked for and somebody should know: targets that are not where the last rotation left them, and what is wrong with
 * the key itself. Each thing is told once for as long as it lasts, shown at `GET /api/keys`, and never acted upon. What cannot be
 * read leaves what was known as it was (I12).
 * @param discovered null where it could not be looked
 * @returns what to log
 */
export async function watchKey(
  ports: RotationPorts,
  key: string,
  facts: KeyFacts,
  discovered: Discovered | null,
): Promise<readonly string[]> {
  const { watched, etag } = await ports.watch.read(key);
  const before = watched ?? { drifts: [], findings: [], changedAt: '' };
  const watching: Watching = { ports, key, facts, before };
  // Of a key that was replaced everything has moved, as it should; the one that took its place is watched instead.
  const isReplaced = successorOf(managedKey(ports, key), (await facts.state()).claim) !== null;
  const drifts = isReplaced ? [] : await lookForDrifts(watching);
  const findings = isReplaced ? [] : await lookForFindings(watching, discovered);
  if (JSON.stringify([drifts, findings]) === JSON.stringify([before.drifts, before.findings])) return [];
  const told = [...(await tellDrifts(watching, drifts)), ...(await tellFindings(watching, findings))];
  // After the telling: should either fail, the next sweep begins again, under the same ids.
  try {
    await ports.watch.put(key, { drifts, findings, changedAt: ports.now().toISOString() }, etag);
  } catch (error) {
    // Another sweep was faster, and has told the same.
    if (!(error instanceof ConflictError)) throw error;
  }
  return told;
}

/** The same until what is remembered changes: what is told again because the remembering failed is recognised by it. */
const idOf = ({ key, before }: Watching, ...parts: readonly string[]): string => {
  const digest = createHash('sha256').update(JSON.stringify([before.changedAt, ...parts]));
  return `${partitionOf(key)}.${digest.digest('hex').slice(0, 16)}`;
};

// --- Drift ---------------------------------------------------------------------------------------------------------------

async function lookForDrifts(watching: Watching): Promise<readonly Drift[]> {
  const { ports, key, facts, before } = watching;
  const { targets } = managedKey(ports, key);
  const [{ claim, etag }, references] = await Promise.all([facts.state(), facts.references()]);
  // A run that holds the claim moves targets.
  if (claim === null || claim.rotationId !== null || claim.lastRun?.nextVersion == null) return before.drifts;
  const { nextVersion: version, plan } = claim.lastRun;
  // Of a target that cannot be read now nothing new is known.
  const unread = targets.filter((_, index) => references[index]?.status === 'rejected');
  const kept = before.drifts.filter((drift) => unread.some(({ kind, name }) => isOf(drift, { kind, name })));
  const found = driftsOf(targets, references, { version, plan });
  if (found.length === 0) return kept;
  const last = await lastCompleted(ports, claim, etag);
  if (last === null) return before.drifts;
  const all = found.map((drift) => withCause(watching, drift, last));
  return [...kept, ...(await Promise.all(all))];
}

const isOf = (drift: Drift, { kind, name }: { readonly kind: string; readonly name: string }): boolean =>
  drift.kind === kind && drift.name === name;

/** The last run that changed anything, if it was completed, and if no other has begun while the targets were read. */
async function lastCompleted(
  ports: RotationPorts,
  { key, lastRotationId }: Claim,
  etag: string | null,
): Promise<Rotation | null> {
  const last = lastRotationId === null ? null : await ports.history.get(lastRotationId);
  if (last?.phase !== 'completed') return null;
  return (await ports.ledger.read(key)).etag === etag ? last : null;
}

async function withCause({ ports, key, before }: Watching, found: DriftedTarget, last: Rotation): Promise<Drift> {
  const now = ports.now();
  const drift = before.drifts.find((each) => sameDrift(each, found)) ?? {
    ...found,
    since: now.toISOString(),
    cause: null,
  };
  if (drift.cause !== null || now.getTime() - Date.parse(drift.since) > causeComesWithinSeconds * 1000) return drift;
  const target = managedKey(ports, key).targets.find(({ kind, name }) => isOf(drift, { kind, name }));
  if (target === undefined || target.kind === 'dataKeys') return drift;
  const since = new Date(last.endedAt ?? last.requestedAt);
  const change = await ports.discovery.lastChange(target.resourceId, since).catch(nothingIfTold);
  return { ...drift, cause: causeOf(change) };
}

const nothingIfTold = (error: unknown): null => {
  if (error instanceof FaultError || error instanceof RefusalError) return null;
  throw error;
};

async function tellDrifts(watching: Watching, drifts: readonly Drift[]): Promise<readonly string[]> {
  const { before } = watching;
  const fresh = drifts.filter((drift) => !before.drifts.some((each) => sameDrift(each, drift)));
  const gone = before.drifts.filter((drift) => !drifts.some((each) => sameDrift(each, drift)));
  const told: string[] = [];
  for (const drift of fresh) told.push(await tellDrift(watching, drift));
  for (const drift of gone) told.push(await noteGone(watching, drift));
  return told;
}

async function tellDrift(watching: Watching, drift: Drift): Promise<string> {
  const { ports, key } = watching;
  const { kind, name, version, expected, cause } = drift;
  const { claim } = await watching.facts.state();
  const now = ports.now();
  const id = idOf(watching, 'drift', kind, name, version ?? '', expected);
  const message = `${kind}/${name} ${stands(drift)}. ${cause ?? 'Azure does not say yet, or not to this app, what changed it.'}`;
  await record(
    ports,
    runOf(claim, key),
    {
      at: now.toISOString(),
      action: 'drift',
      target: `${kind}/${name}`,
      outcome: 'noted',
      message,
      details: { version, expected },
    },
    id,
  );
  const data = {
    ...{ key, rotationId: claim?.lastRotationId ?? null, target: `${kind}/${name}`, version, expected, cause },
    done: `${message} Nothing was changed.`,
    left: await leftToDo(watching, drift),
    stop: deploymentLines(drift),
  };
  const alert = { id, type: alertTypes.drifted, subject: subjectOf(key), time: now.toISOString(), data };
  await tell(ports, alert, now);
  return message;
}

async function leftToDo({ ports, key, facts }: Watching, { version, expected }: Drift): Promise<string> {
  const { apiOrigin: origin = 'https://<function app>' } = ports;
  const disabled = (await facts.versions()).some((each) => each.version === version && !each.enabled);
  const body = JSON.stringify({ key, reason: 'drift', toVersion: expected });
  return [
    ...(disabled && version !== null
      ? [
          `First enable version ${version}, or the service loses its data when its cached key runs out: az keyvault key set-attributes --enabled true --id ${kidOf(key, version)}.`,
        ]
      : []),
    'Write what data.stop says into the deployment, or it does so again.',
    `Then move the target back: curl -X POST "${origin}/api/rotations?code=<function key>" -H "content-type: application/json" -d '${body}'`,
  ].join(' ');
}

async function noteGone(watching: Watching, drift: Drift): Promise<string> {
  const { ports, key, facts } = watching;
  const { kind, name, version, expected } = drift;
  const message = `${kind}/${name} does not stand on ${version ?? 'a nameless version'} any more, where the sweep had found it.`;
  await record(
    ports,
    runOf((await facts.state()).claim, key),
    {
      at: ports.now().toISOString(),
      action: 'drift',
      target: `${kind}/${name}`,
      outcome: 'done',
      message,
      details: { version, expected },
    },
    idOf(watching, 'gone', kind, name, version ?? '', expected),
  );
  return message;
}

const runOf = (claim: Claim | null, key: string): RunReference => ({
  key,
  rotationId: claim?.lastRotationId ?? '',
  generation: claim?.generation ?? 0,
});

// --- Findings ------------------------------------------------------------------------------------------------------------

async function lookForFindings(watching: Watching, discovered: Discovered | null): Promise<readonly Reason[]> {
  const { ports, key, before } = watching;
  const hygiene = await readHygiene(watching);
  if (hygiene === null) return before.findings;
  const found = discovered === null ? null : discoveryFindings(managedKey(ports, key), discovered);
  // Where not everything could be looked through, what was found before may still be there.
  const kept = found === null || found.partly ? before.findings.filter(({ code }) => code === unknownResource) : [];
  const all = [...findingsOf(hygiene), ...(found?.findings ?? []), ...kept];
  return all.filter((each, index) => all.findIndex((other) => isSame(other, each)) === index);
}

/** Null where something is away that will be back: nothing is judged by half of what there is to know. */
async function readHygiene({ ports, key, facts }: Watching): Promise<HygieneFacts | null> {
  const { targets } = managedKey(ports, key);
  const [{ claim }, versions, policy, references] = await Promise.all([
    facts.state(),
    facts.versions(),
    facts.policy(),
    facts.references(),
  ]);
  if (references.some((each) => each.status === 'rejected' && !(each.reason instanceof RefusalError))) return null;
  return {
    key,
    versions,
    policy,
    deleted: versions.length > 0 ? null : await findDeleted(ports, key),
    targets: targets.map(({ kind, name }, index) => ({
      called: `${kind}/${name}`,
      names: namesOf(references[index], key),
    })),
    revoked: claim?.revocation?.versions ?? [],
    cutOff: claim?.revocation !== undefined && claim.rotationId === null,
    now: ports.now(),
  };
}

/** As far as the vault tells: whoever may read keys may not always read the deleted ones. */
const findDeleted = (ports: RotationPorts, key: string): Promise<DeletedKey | null> =>
  ports.keyVault.deleted(key).catch((error: unknown) => {
    if (error instanceof RefusalError) return null;
    throw error;
  });

/** Records of another key, as while a `replace` moves them, name no version of this one. */
function namesOf(
  settled: PromiseSettledResult<readonly string[]> | undefined,
  key: string,
): readonly string[] | Reason {
  if (settled === undefined) return [];
  return settled.status === 'fulfilled'
    ? settled.value.filter((kid) => versionOf(kid) === null || sameKey(kid, key))
    : { code: settled.reason.code, message: settled.reason.message };
}

const isSame = (a: Reason, b: Reason): boolean => a.code === b.code && a.message === b.message;

async function tellFindings(watching: Watching, findings: readonly Reason[]): Promise<readonly string[]> {
  const { ports, key, before } = watching;
  const fresh = findings.filter(
    (each) => !notTold.has(each.code) && !before.findings.some((known) => isSame(known, each)),
  );
  if (fresh.length === 0) return [];
  const now = ports.now();
  const named = fresh.slice(0, mostNamed);
  const more = fresh.length - named.length;
  const id = idOf(watching, 'findings', ...fresh.flatMap(({ code, message }) => [code, message]));
  const data = {
    key,
    findings: named,
    more,
    done: `${fresh.length === 1 ? 'One thing was' : `${fresh.length} things were`} found that nobody had asked for. Nothing was changed.`,
    left: 'Mend what the findings name; GET /api/keys shows those that are left.',
  };
  await tell(ports, { id, type: alertTypes.findings, subject: subjectOf(key), time: now.toISOString(), data }, now);
  return named.map(({ message }) => message);
}
