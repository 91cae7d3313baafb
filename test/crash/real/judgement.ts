import type { Alert } from '../../../sandbox/run/contract';
import { compare, takeStock } from '../../../sandbox/run/readers';
import { type ChainedRecord, chainProblems } from '../../survival/history';
import type { Blow } from './order';
import type { Ending, Run } from './runs';
import type { ShownVersion, Stage } from './stage';

/**
 * What is not as it must be after a run, one sentence each, looked at from outside: old records, targets, versions, the history and its
 * phases, alerts, instances.
 */
export async function shortcomings(stage: Stage, run: Run, blow: Blow | null): Promise<string[]> {
  const history = await stage.history();
  const entered = phasesIn(history, stage.rotationId);
  const ending = run.endings.find(({ phases }) => String(phases) === String(entered));
  stage.ending = ending ?? null;
  return [
    ...(await (ending?.cutOff ? cutOffProblems(stage) : recordProblems(stage))),
    ...chainProblems(history),
    ...(await verdictProblems(stage)),
    ...(await instanceProblems(stage)),
    ...(await countProblems(stage)),
    ...stage.reader.problems.map((problem) => `a reader met: ${problem}`),
    ...(ending === undefined
      ? [
          `the phases were ${entered.join(', ')}; ${(await stage.rotation()).reasons.map(({ message }) => message).join(' ')}`,
        ]
      : [
          ...(await standingProblems(stage, ending)),
          ...(await versionProblems(stage, ending)),
          ...(await alertProblems(stage, ending, blow)),
          ...((await run.further?.(stage)) ?? []),
        ]),
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

/** Nothing opens where everybody was to be cut off. */
async function cutOffProblems({ before }: Stage): Promise<string[]> {
  const opened = await Promise.all(
    before.map(async ({ source, opened: known }) => takeStock(source, [...known.keys()])),
  );
  return opened.flatMap(({ source, opened: some }) =>
    some.size === 0 ? [] : [`${some.size} records of ${source.kind}/${source.name} still open`],
  );
}

async function standingProblems(stage: Stage, { standsOn, keepsOldBlobs }: Ending): Promise<string[]> {
  const next = (await stage.rotation()).nextVersion;
  const wanted = {
    previous: `${stage.key}/${stage.previousVersion}`,
    next: `${stage.key}/${next}`,
    replacement: `${stage.replacement}/${next}`,
  }[standsOn];
  const records = await stage.records();
  const kept = records.filter(({ previous = '' }) => previous !== '').length;
  const standings = [...Object.entries(await stage.serviceKids()), ...records.map(({ rowKey, kid }) => [rowKey, kid])];
  return [
    ...standings
      .filter(([, kid]) => kid !== wanted)
      .map(([name, kid]) => `${name} must be on ${wanted} and is on ${kid}`),
    ...(kept === (keepsOldBlobs ? records.length : 0) ? [] : [`${kept} of ${records.length} records keep an old blob`]),
  ];
}

/** One version was made, however often it was asked for, and only a proved one is disabled. */
async function versionProblems(stage: Stage, { versions: counts, previousEnabled }: Ending): Promise<string[]> {
  const versions = await stage.versions();
  const isPrevious = ({ version }: ShownVersion): boolean => version === stage.previousVersion;
  return [
    ...(counts.includes(versions.length) ? [] : [`the key has ${versions.length} versions`]),
    ...(versions.find(isPrevious)?.enabled === previousEnabled
      ? []
      : [`the previous version is not enabled=${previousEnabled}`]),
    ...(versions.every((each) => each.enabled || isPrevious(each)) ? [] : ['a version that was made is not enabled']),
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

function phasesIn(history: readonly ChainedRecord[], rotationId: string): readonly string[] {
  return history
    .filter((record) => record.rotationId === rotationId && record.action === 'phase')
    .map(({ details }) => String(details['phase']));
}

async function alertProblems(stage: Stage, ending: Ending, blow: Blow | null): Promise<string[]> {
  const alerts = await stage.alerts();
  const news = alerts.filter(({ id }) => !stage.alertsBefore.has(id));
  for (const { id } of news) stage.alertsBefore.set(id, blow !== null && mayRepeat(blow) ? 2 : 1);
  return [
    ...kindProblems(stage, ending, alerts),
    ...alerts
      .filter(({ id, copies }) => copies > (stage.alertsBefore.get(id) ?? 1))
      .map(({ id, copies }) => `the alert ${id} came ${copies} times`),
  ];
}

/** An alert comes again where nobody could know that it had been sent: who died, or heard nothing, between that and the end of the step. */
function mayRepeat({ point, how }: Blow): boolean {
  if (!point.includes('/sendAlert/') || point.includes('/outbox.put#')) return false;
  return !(point.includes('/alerts.send#') && how === 'before');
}

/** What the topic has received once everything is over and every alert that was owed has had its turn. */
export async function lateAlertProblems(stage: Stage): Promise<string[]> {
  // Of one that came to no ending that is known there is nothing to hold its alerts against.
  if (stage.ending === null) return [];
  return kindProblems(stage, stage.ending, await stage.alerts()).map(
    (problem) => `${stage.cast.name}, at last: ${problem}`,
  );
}

/** Each alert of the run under one id, and none besides. */
function kindProblems(stage: Stage, ending: Ending, alerts: readonly Alert[]): string[] {
  const { rotationId } = stage;
  const mine = alerts.filter(({ id }) => id.startsWith(rotationId));
  const kinds = mine.map(({ id }) => id.slice(rotationId.length + 1).split('.')[0] ?? '').sort();
  const wanted = [...ending.alerts].sort();
  return [
    ...(String(kinds) === String(wanted) ? [] : [`the alerts are ${kinds.join(', ')}, not ${wanted.join(', ')}`]),
    ...alerts
      .filter((alert) => !mine.includes(alert) && !stage.isOfAnEarlierOne(alert.id))
      .map(({ eventType, data }) => `nobody expected ${eventType}: ${String(data['done'])}`),
  ];
}

/** However often a run was asked for, or an event delivered, there is one. */
async function countProblems({ ground, key, runsBegun }: Stage): Promise<string[]> {
  const path = `/api/rotations?key=${encodeURIComponent(key)}&limit=10`;
  const { items } = await ground.app<{ items: readonly unknown[] }>(path);
  return items.length === runsBegun ? [] : [`the key has ${items.length} rotations, not ${runsBegun}`];
}

/** Nothing waits for anybody, and nothing has failed. */
async function instanceProblems({ ground }: Stage): Promise<string[]> {
  const path = '/runtime/webhooks/durabletask/instances?runtimeStatus=Running,Pending,Suspended,Failed,Terminated';
  const found = await ground.app<readonly { name: string; instanceId: string; runtimeStatus: string }[]>(
    `${path}&showInput=false`,
  );
  return found.map(({ name, instanceId, runtimeStatus }) => `${name} ${instanceId} is ${runtimeStatus}`);
}
