import { type AlertKind, alertNotHandedOver, type RunReference } from '../contracts/activities';
import type { Phase, Reason, Rotation, RunName } from '../contracts/rotation';
import { BrokenInvariantError, FaultError } from './errors';
import { allowedCommands } from './phases';
import type { Alert, AlertChannel, OwedAlert } from './ports';
import type { RotationPorts } from './run-ports';
import { record } from './run-record';

interface OnRun {
  readonly run: RunReference;
  readonly now: string;
}

/** The type of each alert, as subscribers filter by it. */
export const alertTypes: Readonly<Record<AlertKind, string>> = {
  completed: 'Keyturn.Rotation.Completed',
  adopted: 'Keyturn.Key.Adopted',
  replaced: 'Keyturn.Key.Replaced',
  revoked: 'Keyturn.Key.Revoked',
  restored: 'Keyturn.Key.Restored',
  'rolled-back': 'Keyturn.Rotation.RolledBack',
  refused: 'Keyturn.Rotation.Refused',
  holding: 'Keyturn.Rotation.Holding',
  recovered: 'Keyturn.Rotation.Recovered',
  'needs-attention': 'Keyturn.Rotation.NeedsAttention',
  approval: 'Keyturn.Rotation.ApprovalNeeded',
  observed: 'Keyturn.Rotation.Observed',
  'missed-event': 'Keyturn.Event.Missed',
  stuck: 'Keyturn.Rotation.Stuck',
  drifted: 'Keyturn.Target.Drifted',
  findings: 'Keyturn.Key.Findings',
  retired: 'Keyturn.Version.Retired',
  'retirement-refused': 'Keyturn.Version.RetirementRefused',
  'retirement-undone': 'Keyturn.Version.RetirementUndone',
  'history-broken': 'Keyturn.History.Broken',
  'history-not-sealed': 'Keyturn.History.NotSealed',
};

/** What is told of a run that completed. */
export const completionOf: Readonly<Record<RunName, AlertKind>> = {
  rotate: 'completed',
  replace: 'replaced',
  adopt: 'adopted',
  revoke: 'revoked',
  restore: 'restored',
};

/** With these a run is over: its last record is that it was told. */
const endings: ReadonlySet<AlertKind> = new Set([
  'completed',
  'adopted',
  'revoked',
  'restored',
  'replaced',
  'rolled-back',
  'refused',
  'needs-attention',
  'retired',
  'retirement-refused',
  'retirement-undone',
]);

/** What is told of a rotation that has entered a phase; null where nobody is told. */
export function alertOfPhase(phase: Phase, run: RunName = 'rotate'): AlertKind | null {
  if (phase === 'completed') return completionOf[run];
  return phase === 'rolled-back' || phase === 'needs-attention' ? phase : null;
}

export const alertIdOf = ({ rotationId, generation }: RunReference, alert: AlertKind, occasion = ''): string =>
  [rotationId, alert, generation, ...(occasion === '' ? [] : [occasion])].join('.');

/** Step 9: tells the outside about a run, at least once, under an id that a repeat does not change. */
export async function sendAlert(
  ports: RotationPorts,
  input: OnRun & { readonly alert: AlertKind; readonly occasion: string; readonly reasons: readonly Reason[] },
): Promise<{ readonly alertId: string }> {
  const { run, alert, occasion, reasons, now } = input;
  const rotation = await documentOf(ports, run, alert);
  const alertId = alertIdOf(run, alert, occasion);
  await tell(
    ports,
    alertOf(rotation, { alertId, alert, reasons, now, merges: hasEntry(ports, rotation) }, ports.apiOrigin),
    new Date(now),
  );
  await record(
    ports,
    run,
    {
      at: now,
      action: 'alert',
      target: null,
      outcome: 'done',
      message: `Alert ${alertTypes[alert]} handed over.`,
      details: { alertId, alert },
    },
    alertId,
  );
  if (endings.has(alert)) await ports.sealNow?.(run.key);
  return { alertId };
}

/**
 * The rotation as the alert tells it. That a run holds may be because storage is away, and then it must be told all the same:
 * with what the run itself knows.
 */
async function documentOf(ports: RotationPorts, run: RunReference, alert: AlertKind): Promise<Rotation> {
  try {
    const rotation = await ports.history.get(run.rotationId);
    if (rotation !== null) return rotation;
  } catch (error) {
    if (alert !== 'holding' || !(error instanceof FaultError)) throw error;
    return { ...unknownRotation, rotationId: run.rotationId, key: run.key };
  }
  throw new BrokenInvariantError('history', `The history has no rotation ${run.rotationId}.`);
}

const unknownRotation: Omit<Rotation, 'rotationId' | 'key'> = {
  phase: 'requested',
  waitingFor: 'fault',
  reason: '',
  previousVersion: null,
  nextVersion: null,
  planHash: null,
  targets: [],
  reasons: [],
  requestedAt: '',
  endedAt: null,
};

/**
 * Hands an alert over: it is kept in the outbox first and tried at once; what a channel does not take stays there and is tried
 * again by a timer under the same id. Where even the outbox cannot be written, a channel that takes it is enough.
 * @throws FaultError when neither the outbox nor every channel took it
 */
export async function tell(ports: Pick<RotationPorts, 'alerts' | 'outbox'>, alert: Alert, now: Date): Promise<void> {
  const names = ports.alerts.map(({ name }) => name);
  // Not due while it is being tried here: the timer would send it a second time.
  const kept = await ports.outbox.put(alert, names, new Date(now.getTime() + firstDelaySeconds * 1000)).then(
    () => true,
    () => false,
  );
  const owed = await Promise.all(
    ports.alerts.map((channel) => attempt(ports, channel, { alert, channel: channel.name, attempts: 0 }, now)),
  );
  if (!kept && owed.includes(true)) {
    throw new FaultError(alertNotHandedOver, `The alert ${alert.id} could neither be sent nor kept for later.`);
  }
}

/** Tries what the outbox still owes; for a timer. @returns how many alerts were delivered */
export async function deliverOwed(ports: Pick<RotationPorts, 'alerts' | 'outbox' | 'now'>): Promise<number> {
  const now = ports.now();
  let delivered = 0;
  const down = new Set<string>();
  for (const owed of await ports.outbox.due(now, 100)) {
    // A channel that did not take one would only use up the time of the round with the next.
    if (down.has(owed.channel)) continue;
    const channel = ports.alerts.find(({ name }) => name === owed.channel);
    // A channel that is not configured any more owes nobody anything.
    if (channel === undefined) await ports.outbox.delivered(owed);
    else if (await attempt(ports, channel, owed, now)) down.add(owed.channel);
    else delivered += 1;
  }
  return delivered;
}

/**
 * Puts off or strikes off even what is not known to be kept: of an outbox that did not answer it may lie there all the same.
 * @returns whether the channel still owes the alert
 */
async function attempt(
  ports: Pick<RotationPorts, 'outbox'>,
  channel: AlertChannel,
  owed: OwedAlert,
  now: Date,
): Promise<boolean> {
  try {
    await channel.send(owed.alert);
  } catch {
    await ports.outbox.failed(owed, nextAttempt(owed, now)).catch(() => undefined);
    return true;
  }
  // Sent but not struck off: it will be sent again, under the same id.
  await ports.outbox.delivered(owed).catch(() => undefined);
  return false;
}

const firstDelaySeconds = 60;
const longestDelaySeconds = 6 * 3600;

const nextAttempt = ({ attempts }: OwedAlert, now: Date): Date =>
  new Date(now.getTime() + Math.min(firstDelaySeconds * 2 ** Math.min(attempts, 12), longestDelaySeconds) * 1000);

function alertOf(
  rotation: Rotation,
  alert: { alertId: string; alert: AlertKind; reasons: readonly Reason[]; now: string; merges: boolean },
  origin = 'https://<function app>',
): Alert {
  const { key, rotationId, phase, previousVersion, nextVersion, planHash, targets } = rotation;
  return {
    id: alert.alertId,
    type: alertTypes[alert.alert],
    subject: subjectOf(key),
    time: alert.now,
    data: {
      rotationId,
      key,
      phase,
      previousVersion,
      nextVersion,
      ...(rotation.replacement === undefined ? {} : { replacement: rotation.replacement }),
      planHash,
      targets,
      reasons: alert.reasons,
      done: doneSoFar(rotation, alert),
      left: leftToDo(rotation, alert, origin),
    },
  };
}

/** `keys/<name>`, as subscribers filter by it. */
export const subjectOf = (key: string): string => new URL(key).pathname.slice(1);

/** A run that finished, as configured, although some data keys could not be moved. */
const leavesDataKeys = (reasons: readonly Reason[]): boolean => reasons.some(({ code }) => code === 'data-keys-left');

/** Whether the key that was moved to has an entry of its own in rotation.json already. */
const hasEntry = (ports: Pick<RotationPorts, 'managed'>, { replacement }: Rotation): boolean =>
  replacement !== undefined && ports.managed(replacement) !== null;

function doneSoFar(
  { run, key, replacement, previousVersion, nextVersion }: Rotation,
  { alert, reasons }: { readonly alert: AlertKind; readonly reasons: readonly Reason[] },
): string {
  switch (alert) {
    case 'completed':
      if (leavesDataKeys(reasons)) {
        return `Every target was moved from version ${previousVersion} to ${nextVersion} and verified, but for the data keys that the reasons name: those are as they were.`;
      }
      return `Every target was moved from version ${previousVersion} to ${nextVersion} and verified.`;
    case 'adopted':
      return 'What was asked for was written to the key; the history has what it had before.';
    case 'replaced':
      return `Every target was moved from ${key} (${previousVersion}) to ${replacement} (${nextVersion}) and verified${leavesDataKeys(reasons) ? ', but for the data keys that the reasons name' : ''}.`;
    case 'revoked':
      return `Every version of the key was disabled, and every target was seen to have lost access.`;
    case 'restored':
      return 'What the revocation had disabled is enabled, and every target opens old data again.';
    case 'rolled-back':
      if (run === 'revoke')
        return 'What the revocation had disabled is enabled again, and every target opens old data.';
      if (run === 'adopt') return 'The key has the rotation policy and the expiry again that it had before.';
      return `Every target that had moved was put back on the version it came from (${previousVersion}).`;
    case 'refused':
      return 'Nothing was changed: the plan says no.';
    case 'holding':
      return 'Nothing was undone. The rotation waits and tries again by itself.';
    case 'recovered':
      return 'What the rotation was waiting for is back; it goes on.';
    case 'approval':
      return 'The plan is made; nothing has been changed.';
    case 'observed':
      return 'The plan was made and nothing else: this key is in observe mode.';
    case 'retired':
      if (replacement !== undefined) {
        return `Every version of the key that ${replacement} replaced was proved idle, disabled, and watched; the probes stayed green.`;
      }
      return `Version ${previousVersion} was proved idle, disabled, and watched; the probes stayed green.`;
    case 'retirement-refused':
      return `Version ${previousVersion} stays enabled: it is not proved idle.`;
    case 'retirement-undone':
      return `Version ${previousVersion} is enabled again.`;
    default:
      return 'The rotation stopped where it is and keeps its claim on the key.';
  }
}

/** Until it is changed no run of either key can begin: of the old one nothing is left, and the new one is not known. */
function lineToChange(key: string, replacement: string, merges: boolean): string {
  const former = `"formerKeys": [{"key": "${key}"}]`;
  return merges
    ? `In rotation.json take out the entry with "key": "${key}", put its targets into the entry with "key": "${replacement}", and add ${former} to that one.`
    : `In rotation.json change the line "key": "${key}" to "key": "${replacement}", with "vaultResourceId" of its vault, and add ${former} below it.`;
}

const startAgain = (origin: string, key: string): string =>
  `curl -X POST "${origin}/api/rotations?code=<function key>" -H "content-type: application/json" -d '${JSON.stringify({ key, reason: 'mended' })}'`;

function leftToDo(
  rotation: Rotation,
  {
    alert,
    reasons,
    merges,
  }: { readonly alert: AlertKind; readonly reasons: readonly Reason[]; readonly merges: boolean },
  origin: string,
): string {
  const { rotationId, run = 'rotate', phase, previousVersion, nextVersion } = rotation;
  const { planHash, key, replacement, requestedAt } = rotation;
  const byHand = (command: string, body = ''): string =>
    `curl -X POST "${origin}/api/rotations/${rotationId}/${command}?code=<function key>"${body}`;
  switch (alert) {
    case 'completed':
      if (leavesDataKeys(reasons)) {
        return `Let the owners of the data keys that the reasons name store them anew, or restore them; version ${previousVersion} is not retired while one of them names it. To go back instead: ${byHand('rollback')}`;
      }
      return `Nothing. Version ${previousVersion} is retired on evidence after its grace period; until then: ${byHand('rollback')}`;
    case 'replaced': {
      const left = leavesDataKeys(reasons)
        ? 'Let the owners of the data keys that the reasons name store them anew. '
        : '';
      return `${left}${lineToChange(key, replacement ?? '', merges)} Every version of the old key is retired on evidence after its grace period; take its rotation policy away, so that it makes no more. Until then, to go back: ${byHand('rollback')}`;
    }
    case 'revoked': {
      const restore = JSON.stringify({ key, reason: 'give it back', run: 'restore' });
      return `To give it back: curl -X POST "${origin}/api/rotations?code=<function key>" -H "content-type: application/json" -d '${restore}', approved by a second person.`;
    }
    case 'adopted':
      return reasons.length === 0 ? 'Nothing.' : 'Mend what the reasons name; a dry run of "adopt" shows what is left.';
    case 'restored':
      return 'Nothing.';
    case 'rolled-back': {
      if (replacement !== undefined) {
        return `Mend what the reasons name, then start again. If rotation.json names ${replacement} as "key" already, put "key": "${key}" back. ${replacement} is as it was.`;
      }
      if (run !== 'rotate') return `If it is still wanted: mend what the reasons name, and start "${run}" again.`;
      const unused = nextVersion === null ? '' : ` Version ${nextVersion} stays enabled and unused, for the next run.`;
      return `Mend what the reasons name, then start again: ${startAgain(origin, key)}.${unused}`;
    }
    case 'refused':
      return `No event starts it again. Mend what the reasons name, then start it: ${startAgain(origin, key)}.`;
    case 'holding': {
      // Not even the document could be read, so no command could be put on record.
      if (requestedAt === '') return 'Mend what the reasons name.';
      const [instead] = allowedCommands(phase, { run, paused: false, waitsForApproval: false, canStillGoBack: false });
      if (instead !== 'rollback' && instead !== 'cancel') return 'Mend what the reasons name.';
      return `Mend what the reasons name; to ${instead === 'cancel' ? 'end it' : 'go back'} instead: ${byHand(instead)}`;
    }
    case 'approval': {
      const body = ` -H "content-type: application/json" -d '${JSON.stringify({ planHash })}'`;
      return `Approve: ${byHand('approve', body)}; or not: ${byHand('cancel')}`;
    }
    case 'recovered':
      return 'Nothing.';
    case 'retired':
      if (replacement !== undefined && reasons.length === 0) {
        return `Take ${key} out of "formerKeys" (or, if it was never changed, out of "key") in rotation.json.`;
      }
      return reasons.length === 0 ? 'Nothing.' : 'Mend what the reasons name; the rest is tried again every day.';
    case 'observed':
      return 'Rotate by hand, or set "mode": "act" for the key in rotation.json.';
    case 'retirement-refused':
      return 'Mend what the reasons name; it is tried again by itself, at the next sweep and then more and more seldom, at least once a day.';
    case 'retirement-undone':
      return 'Find what still uses the version (the reasons name what was seen); it is tried again after another grace period.';
    default: {
      const ways = (['resume', 'rollback', 'abandon'] as const).filter(
        (way) => way !== 'rollback' || run !== 'restore',
      );
      return `Mend what the reasons name, then one of: ${ways.map((way) => byHand(way)).join('; ')}`;
    }
  }
}
