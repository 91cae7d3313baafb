import { type Alert, versionOf } from '../../../sandbox/run/contract';
import { compare } from '../../../sandbox/run/readers';
import { type ChainedRecord, chainProblems } from '../../survival/history';
import type { Blow } from './order';
import type { Run } from './runs';
import type { Stage } from './stage';

/**
 * What is not as it must be after a run, one sentence each, looked at from outside: old records, targets, versions, the history and its
 * phases, alerts, instances.
 */
export async function shortcomings(stage: Stage, run: Run, blow: Blow | null): Promise<string[]> {
  const history = await stage.history();
  return [
    ...(await recordProblems(stage)),
    ...(await standingProblems(stage, run)),
    ...(await versionProblems(stage, run)),
    ...chainProblems(history),
    ...(await verdictProblems(stage)),
    ...phaseProblems(history, stage.rotationId, run),
    ...(await alertProblems(stage, run, blow)),
    ...(await instanceProblems(stage)),
    ...stage.reader.problems.map((problem) => `a reader met: ${problem}`),
  ];
}

/** Every old record opens as before, through its service or with the version that it names. */
async function recordProblems({ before }: Stage): Promise<string[]> {
  const compared = await Promise.all(before.map((stock) => compare(stock)));
  return compared.flatMap(({ source, total, problems }) => {
    const where = `${source.kind}/${source.name}`;
    return total === 0 ? [`${where} has no records`] : problems.map((problem) => `${where}: ${problem}`);
  });
}

async function standingProblems(stage: Stage, run: Run): Promise<string[]> {
  const wanted = run.standsOn === 'previous' ? stage.previousVersion : (await stage.rotation()).nextVersion;
  const services = Object.entries(await stage.serviceVersions());
  const records = await stage.records();
  const kept = records.filter(({ previous = '' }) => previous !== '').length;
  return [
    ...services
      .filter(([, version]) => version !== wanted)
      .map(([name, version]) => `the ${name} must be on ${wanted} and is on ${version}`),
    ...records
      .filter(({ kid }) => versionOf(kid) !== wanted)
      .map(({ rowKey, kid }) => `${rowKey} must be on ${wanted} and is on ${versionOf(kid)}`),
    ...(kept === (run.keepsOldBlobs ? records.length : 0) ? [] : [`${kept} records keep an old blob`]),
  ];
}

/** One version was made, however often it was asked for, and only a proved one is disabled. */
async function versionProblems(stage: Stage, run: Run): Promise<string[]> {
  const versions = await stage.versions();
  const next = (await stage.rotation()).nextVersion;
  const previous = versions.find(({ version }) => version === stage.previousVersion);
  return [
    ...(versions.length === 2 ? [] : [`the key has ${versions.length} versions, not 2`]),
    ...(previous?.enabled === run.previousEnabled ? [] : [`the previous version has enabled=${previous?.enabled}`]),
    ...(versions.find(({ version }) => version === next)?.enabled ? [] : ['the next version is not enabled']),
  ];
}

/** A signature that was missed is made by the next sweep. */
async function verdictProblems(stage: Stage): Promise<string[]> {
  let verdict = await stage.verdict();
  if (verdict.ok && verdict.assurance !== 'anchored') {
    await stage.ground.letPass(16);
    await stage.ground.sweep();
    verdict = await stage.verdict();
  }
  const { ok, brokenAt, assurance } = verdict;
  if (!ok) return [`the history is broken at record ${brokenAt?.sequence}: ${brokenAt?.message}`];
  return assurance === 'anchored' ? [] : [`the history is only ${assurance}, not anchored`];
}

function phaseProblems(history: readonly ChainedRecord[], rotationId: string, run: Run): string[] {
  const entered = history
    .filter((record) => record.rotationId === rotationId && record.action === 'phase')
    .map(({ details }) => String(details['phase']));
  if (JSON.stringify(entered) === JSON.stringify(run.phases)) return [];
  return [`the phases were ${entered.join(', ')}, not ${run.phases.join(', ')}`];
}

async function alertProblems(stage: Stage, run: Run, blow: Blow | null): Promise<string[]> {
  const most = blow !== null && mayRepeat(blow) ? 2 : 1;
  const alerts = await stage.alerts();
  return [
    ...kindProblems(stage, run, alerts),
    ...alerts.filter(({ copies }) => copies > most).map(({ id, copies }) => `the alert ${id} came ${copies} times`),
  ];
}

/** An alert comes again where nobody could know that it had been sent: who died, or did not hear of it, between that and the end of the step. */
function mayRepeat({ point, how }: Blow): boolean {
  if (!point.includes('/sendAlert/') || point.includes('/outbox.put#')) return false;
  return !(point.includes('/alerts.send#') && how === 'before');
}

/** What the topic has received once everything is over and every alert that was owed has had its turn. */
export async function lateAlertProblems(stage: Stage, run: Run): Promise<string[]> {
  return kindProblems(stage, run, await stage.alerts()).map((problem) => `${stage.cast.name}, at last: ${problem}`);
}

/** Each alert of the run under one id, and none besides. */
function kindProblems({ rotationId }: Stage, run: Run, alerts: readonly Alert[]): string[] {
  const mine = alerts.filter(({ id }) => id.startsWith(rotationId));
  const kinds = mine.map(({ id }) => id.slice(rotationId.length + 1).split('.')[0] ?? '').sort();
  const wanted = [...run.alerts].sort();
  return [
    ...(String(kinds) === String(wanted) ? [] : [`the alerts are ${kinds.join(', ')}, not ${wanted.join(', ')}`]),
    ...alerts
      .filter((alert) => !mine.includes(alert))
      .map(({ eventType, data }) => `nobody expected ${eventType}: ${String(data['done'])}`),
  ];
}

/** Nothing waits for anybody, and nothing has failed. */
async function instanceProblems({ ground }: Stage): Promise<string[]> {
  const path = '/runtime/webhooks/durabletask/instances?runtimeStatus=Running,Pending,Suspended,Failed,Terminated';
  const found = await ground.app<readonly { name: string; instanceId: string; runtimeStatus: string }[]>(
    `${path}&showInput=false`,
  );
  return found.map(({ name, instanceId, runtimeStatus }) => `${name} ${instanceId} is ${runtimeStatus}`);
}
