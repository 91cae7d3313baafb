import type { RunPolicy, RunReference } from '../contracts/activities';
import { alertTypes, subjectOf, tell } from './alerting';
import { kidOf } from './key-identifier';
import { longestAskingSeconds } from './log-evidence';
import { allowedCommands } from './phases';
import type { Claim } from './ports';
import type { RotationPorts } from './run-ports';
import { changeClaim, record } from './run-record';

/** Deploys, restarts and the three tries of a step that fails unexpectedly: no phase is called stuck for these. */
const marginSeconds = 2 * 3600;
/** Before admission nothing of the configuration is known, and faults are waited for as long as this (24 h). */
const admissionSeconds = 24 * 3600;
/** Of all passes over a store together; two calls to the vault and a write take a fraction of it. A storm of 429 is a fault, and begins the count anew. */
const secondsOfDataKey = 2;
/** A red read is asked again after a minute until it is confirmed. */
const secondsOfAskingAgain = 60;

/**
 * How long a live run may stand in one phase without beginning or ending a wait, in seconds, with ample margin: beyond it,
 * it does not go on by itself. Null while it rightly waits for a person or for Key Vault's own policy. A fault is waited for up
 * to its deadline, and not longer.
 */
export function longestUnchangedSeconds(claim: Claim, policy: RunPolicy): number | null {
  const { waitingFor } = claim;
  if (waitingFor !== null && waitingFor !== 'fault') return null;
  const beforeAdmission = claim.bound || claim.phase === 'requested' ? 0 : admissionSeconds;
  const fault = waitingFor === 'fault' ? policy.faultDeadlineSeconds : 0;
  return beforeAdmission + workSeconds(claim, policy) + fault + marginSeconds;
}

function workSeconds(claim: Claim, policy: RunPolicy): number {
  const { operationDeadlineSeconds, redProbes, soakSeconds, probeEverySeconds, watchSeconds, faultDeadlineSeconds } =
    policy;
  const targets = claim.plan?.targets ?? [];
  const asking = redProbes.of * secondsOfAskingAgain;
  const records = targets.reduce((sum, { kind, total }) => sum + (kind === 'dataKeys' ? total : 0), 0);
  const dataKeys = records * secondsOfDataKey + asking;
  // Probes that say nothing certain prolong a soak or a watch by a fault deadline at the most, and by one interval each.
  const probing = faultDeadlineSeconds + 2 * probeEverySeconds;
  if (claim.purpose === 'retirement') {
    return admissionSeconds + longestAskingSeconds + watchSeconds + probing + dataKeys;
  }
  switch (claim.phase) {
    case 'requested':
      return admissionSeconds;
    case 'creating-version': // pins what names no version
    case 'rewrapping':
    case 'rolling-back':
      if (claim.run === 'adopt') return 0;
      if (claim.run === 'revoke') return watchSeconds + probing;
      return targets.length * (operationDeadlineSeconds + asking) + dataKeys;
    case 'revoking':
    case 'restoring':
      return watchSeconds + probing;
    case 'soaking':
      return soakSeconds + probing + dataKeys;
    default:
      return 0;
  }
}

/** Whether a run whose instance counts as alive does not go on. */
export function isStuck(claim: Claim, policy: RunPolicy, now: Date): boolean {
  const longest = longestUnchangedSeconds(claim, policy);
  return longest !== null && now.getTime() - Date.parse(claim.unchangedSince) > longest * 1000;
}

/**
 * Tells of a live run that does not go on, once for each time it got stuck. It is alive as far as the task hub knows, so nothing
 * is taken from it: that is for a person to say, who ends the instance.
 * @returns what to log; null if it was told before
 */
export async function reportStuck(ports: RotationPorts, claim: Claim): Promise<string | null> {
  const { key, generation, unchangedSince } = claim;
  if (claim.toldStuckSince === unchangedSince) return null;
  const run: RunReference = { key, rotationId: claim.rotationId ?? '', generation };
  const message = `${stands(claim)} since ${unchangedSince}, longer than it can take, though its instance ${claim.instanceId} counts as alive.`;
  const now = ports.now();
  await record(
    ports,
    run,
    {
      at: now.toISOString(),
      action: 'sweep',
      target: null,
      outcome: 'noted',
      message,
      details: { phase: claim.phase, waitingFor: claim.waitingFor, unchangedSince },
    },
    `stuck.${unchangedSince}`,
  );
  const alert = {
    id: `${run.rotationId}.stuck.${generation}.${unchangedSince}`,
    type: alertTypes.stuck,
    subject: subjectOf(key),
    time: now.toISOString(),
    data: {
      rotationId: run.rotationId,
      key,
      phase: claim.phase,
      nextVersion: claim.nextVersion,
      instanceId: claim.instanceId,
      unchangedSince,
      done: `${message} It was woken; nothing was taken from it, and nothing was undone.`,
      left: await leftToDo(ports, claim),
    },
  };
  await tell(ports, alert, now);
  // After the telling: should it fail, the next sweep begins again, under the same id.
  await changeClaim(ports, run, (held) =>
    held.claim.unchangedSince === unchangedSince ? { claim: { ...held.claim, toldStuckSince: unchangedSince } } : null,
  );
  return message;
}

function stands({ purpose, rotationId, phase, waitingFor }: Claim): string {
  if (purpose === 'retirement') return `The retirement after rotation ${rotationId} has stood still`;
  const waiting = waitingFor === null ? '' : `, waiting for a ${waitingFor},`;
  return `Rotation ${rotationId} has stood in ${phase}${waiting}`;
}

/** Ended by hand, the instance counts as lost, and the sweep lets a new one go on from the ledger. */
async function leftToDo(ports: RotationPorts, claim: Claim): Promise<string> {
  const { apiOrigin: origin = 'https://<function app>', ledger } = ports;
  const { key, rotationId, instanceId } = claim;
  const end = `curl -X POST "${origin}/runtime/webhooks/durabletask/instances/${instanceId}/terminate?reason=stuck&code=<system key>"`;
  const left = [
    `Look for ${instanceId} in the host's log. If it goes on, nothing is left to do. If not, end the instance: ${end}; within the hour the sweep starts a new one, which goes on from the ledger.`,
  ];
  if (claim.purpose === 'retirement') {
    const retirement = (await ledger.retirements(key)).find((each) => each.rotationId === rotationId);
    if (retirement !== undefined && retirement.disabledAt !== null) {
      const enable = retirement.versions.map(
        (version) => `az keyvault key set-attributes --enabled true --id ${kidOf(key, version)}`,
      );
      left.push(`Until then nobody watches the disabled version; should its data be needed: ${enable.join('; ')}`);
    }
  } else if (rollsBack(claim)) {
    const rollback = `curl -X POST "${origin}/api/rotations/${rotationId}/rollback?code=<function key>"`;
    left.push(`To go back instead, ask for it first: ${rollback}`);
  }
  return left.join(' ');
}

const rollsBack = ({ phase }: Claim): boolean =>
  allowedCommands(phase, { paused: false, waitsForApproval: false, canStillGoBack: false }).includes('rollback');
