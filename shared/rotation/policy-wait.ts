import { addDuration, subtractDuration } from './iso-duration';
import type { KeyVersion, RotationPolicy } from './ports';

/** A policy that is due within this time is waited for rather than overtaken: two makers would make two versions. */
const soonSeconds = 24 * 3600;
/** Automatic rotation is not minute-exact (Key Vault's documentation, 2026-04-10): so long after its time it may still come. */
const lateSeconds = 3600;

export interface PolicyWait {
  readonly waitSeconds: number;
  readonly message: string;
}

/** How long to wait for Key Vault's own policy to make the next version; null if it is not about to. */
export function policyWait(policy: RotationPolicy | null, inUse: KeyVersion, now: Date): PolicyWait | null {
  const due = dueAt(policy, inUse);
  if (due === null) return null;
  const seconds = (due.getTime() - now.getTime()) / 1000;
  if (seconds > soonSeconds || seconds <= -lateSeconds) return null;
  return {
    waitSeconds: Math.ceil(seconds + lateSeconds),
    message: `The key's own policy makes a version at about ${due.toISOString()}; that one is awaited.`,
  };
}

function dueAt(policy: RotationPolicy | null, { createdOn, expiresOn }: KeyVersion): Date | null {
  if (policy?.rotatesAfterCreate != null) return addDuration(createdOn, policy.rotatesAfterCreate);
  if (policy?.rotatesBeforeExpiry != null && expiresOn !== null) {
    return subtractDuration(expiresOn, policy.rotatesBeforeExpiry);
  }
  return null;
}
