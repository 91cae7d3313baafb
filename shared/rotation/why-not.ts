import type { Phase, RunName } from '../contracts/rotation';
import { kidOf } from './key-identifier';
import { isTerminal } from './phases';
import type { Claim, CommandName, Retirement } from './ports';

export interface Refused {
  readonly run: RunName;
  readonly key: string;
  readonly rotationId: string;
  readonly command: CommandName;
  readonly phase: Phase;
  readonly allowed: readonly CommandName[];
  readonly claim: Claim | null;
  readonly retirement: Retirement | null;
  /** Of a completed `replace`: what stands in the way at the other key; null if nothing does. */
  readonly noWayBack: string | null;
  /** The key is in observe mode. */
  readonly observed: boolean;
}

/** Why a command is not possible, and what is: sentences for the person who gave it. */
export function whyNot(refused: Refused): string {
  const { command, phase, allowed } = refused;
  const what = `${command} is not possible in ${phase}`;
  if (allowed.length > 0) return `${what}; possible: ${allowed.join(', ')}.`;
  if (phase === 'completed' && refused.run === 'revoke') return `${what}. Possible: start a run "restore" of the key.`;
  if (phase === 'completed' && refused.run === 'adopt')
    return `${what}: the history has what the key had before; write it by hand, or adopt it anew.`;
  if (phase === 'completed' && refused.run === 'restore')
    return `${what}: the key was given back. Possible: start a run "revoke".`;
  if (phase === 'completed') return `${what}: ${whyNotBack(refused)}`;
  const another = 'Possible: start another one, POST /api/rotations with key and reason.';
  return isTerminal(phase) ? `${what}: the rotation is over. ${another}` : `${what}; possible: nothing.`;
}

/** A completed rotation takes `rollback` alone, and not for ever. */
function whyNotBack({ key, rotationId, claim, retirement, noWayBack, observed }: Refused): string {
  if (noWayBack !== null) return `${noWayBack} Possible afterwards: POST /api/rotations with "run": "replace".`;
  const versions = retirement?.versions ?? [];
  const toVersion = `start a rotation to the old version, POST /api/rotations with toVersion ${versions.join(' or ')}`;
  switch (retirement?.status) {
    case 'proving':
    case 'watching':
      return `the retirement of ${versions.join(', ')} has begun, and holds the key until its watch is over. A failed probe enables it again at once. Possible afterwards: ${toVersion} (if it was retired, enable it first).`;
    case 'retired': {
      const enable = versions.map(
        (version) => `az keyvault key set-attributes --enabled true --id ${kidOf(key, version)}`,
      );
      return `${versions.join(', ')} is retired, that is disabled. Possible: enable it (${enable.join('; ')}), then ${toVersion}.`;
    }
    default:
  }
  if (observed) {
    return 'the key is in observe mode, so nothing is changed. Possible: set "mode": "act" for it in rotation.json, then roll back.';
  }
  if (claim?.revocation !== undefined) {
    const { at, rotationId: by } = claim.revocation;
    return `the key was revoked at ${at} (run ${by}), and nothing opens with a version that is disabled. Possible: start a run "restore" of the key, then roll back.`;
  }
  const holder = claim?.rotationId ?? null;
  if (holder !== null && holder !== rotationId) {
    return `rotation ${holder} of the same key is under way. Possible: give the command to that one, or wait for its end.`;
  }
  const latest = claim?.lastRotationId ?? null;
  if (latest === null || latest === rotationId) return 'the rotation is over, and nothing is left of it to go back.';
  return `only the latest rotation of a key goes back, and ${latest} came after it. Possible: roll that one back, or start a rotation with toVersion.`;
}
