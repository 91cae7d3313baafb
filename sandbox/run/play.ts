import { setTimeout as delay } from 'node:timers/promises';
import type { Sandbox } from './bring-up';
import { letGo } from './bring-up';
import type { AuditVerification } from './contract';
import { alertsOf, currentVersion, offsetOf, rotationsOf } from './looks';
import type { Outcome } from './outcome';
import { ContinuousReader, compare, type Stock, takeStock } from './readers';
import type { Screen } from './screen';
import { type Scenario, Stage } from './stage';
import { readStandings } from './standings';
import { Watch } from './watch';

/** An alert, and the signature of the history. */
const ALERT_WITHIN_MILLISECONDS = 10_000;

/** Opens every old record once, and remembers what it said. */
export async function readAll(sandbox: Sandbox): Promise<Stock[]> {
  return Promise.all(sandbox.sources.map((source) => takeStock(source)));
}

/** Plays a scenario on a sandbox that is up, reading old records all the while, and finds out how everything stands after it. */
export async function play(
  scenario: Scenario,
  sandbox: Sandbox,
  parts: { before: readonly Stock[]; policyDue: Date; screen: Screen; signal: AbortSignal },
): Promise<Outcome> {
  const { before, screen, signal } = parts;
  const versionBefore = await currentVersion(sandbox);
  const reader = new ContinuousReader(before, sandbox.faults);
  const { wire, host, key } = sandbox;
  const offset = () => offsetOf(sandbox);
  const watch = new Watch({ wire, app: host.url, key, screen, reads: reader.counts, offset, signal }, await offset());
  const stage = new Stage(sandbox, { watch, screen, previousVersion: versionBefore, policyDue: parts.policyDue });
  await letGo(sandbox);
  reader.start();
  watch.start();
  let failure: string | null = null;
  try {
    await scenario.play(stage);
  } catch (error) {
    signal.throwIfAborted();
    failure = error instanceof Error ? error.message : String(error);
  }
  const alerts = await lateAlerts(sandbox, scenario, failure === null);
  await watch.stop();
  await reader.stop();
  screen.settle();
  signal.throwIfAborted();
  const { wall, virtual, rotation } = watch.view;
  return {
    scenario: scenario.name,
    title: scenario.title,
    rotation,
    rotations: (await orElse(rotationsOf(sandbox), [])).length,
    versionBefore,
    standings: await orElse(readStandings(sandbox), []),
    comparisons: await Promise.all(before.map((stock) => compare(stock))),
    reads: reader.byKind,
    readProblems: reader.problems,
    audit: await lateVerdict(sandbox, scenario, failure === null),
    alerts,
    milliseconds: wall,
    virtualMilliseconds: virtual,
    failure,
  };
}

/** The alert is sent after the rotation has ended, so it may come a moment later. */
async function lateAlerts(sandbox: Sandbox, { expect }: Scenario, patient: boolean) {
  const until = Date.now() + (patient ? ALERT_WITHIN_MILLISECONDS : 0);
  for (;;) {
    const alerts = await orElse(alertsOf(sandbox), []);
    const there = expect.alert === null || alerts.some(({ eventType }) => eventType === expect.alert);
    if (there || Date.now() >= until) return alerts;
    await delay(50);
  }
}

/** The head is signed when the rotation has ended, so the signature may come a moment later. */
async function lateVerdict({ wire, host, key }: Sandbox, { expect }: Scenario, patient: boolean) {
  const until = Date.now() + (patient && expect.history !== 'broken' ? ALERT_WITHIN_MILLISECONDS : 0);
  const url = `${host.url}/api/audit/verify?key=${encodeURIComponent(key)}`;
  for (;;) {
    const verdict = await orElse(wire.ask<AuditVerification>(url), null);
    const there = verdict?.records === 0 || verdict?.assurance === 'anchored' || verdict?.ok === false;
    if (there || Date.now() >= until) return verdict;
    await delay(50);
  }
}

/** What cannot be found out is told as missing; the rest of the summary is still worth having. */
async function orElse<T, F>(asked: Promise<T>, otherwise: F): Promise<T | F> {
  try {
    return await asked;
  } catch {
    return otherwise;
  }
}
