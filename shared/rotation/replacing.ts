import type { RunReference } from '../contracts/activities';
import type { Phase, Reason } from '../contracts/rotation';
import { ConflictError, FaultError, RefusalError } from './errors';
import { kidOf, sameKey } from './key-identifier';
import { proveRoundTrip } from './next-version';
import type { ReplacementFacts } from './plan-facts';
import type { Claim, KeyVersionDetail } from './ports';
import { nextOfReplacement } from './replacement-checks';
import type { ManagedKey, Replacement, RotationPorts } from './run-ports';
import { neverHeld, record } from './run-record';

/** The key that took a KEK's place, by the ledger or by rotation.json; null if none did. */
export const successorOf = (managed: Pick<ManagedKey, 'successor'>, claim: Claim | null): string | null =>
  claim?.replacedBy?.key ?? managed.successor ?? null;

/** @throws RefusalError `key-replaced`: of a key whose place another one took nothing is begun any more */
export function refuseIfReplaced(managed: ManagedKey, claim: Claim | null): void {
  const successor = successorOf(managed, claim);
  if (successor !== null) throw new RefusalError('key-replaced', messageOfReplaced(managed.key, successor));
}

export const messageOfReplaced = (key: string, successor: string): string =>
  `${key} was replaced by ${successor}. Name the new key in rotation.json ("key": "${successor}", and the old one in its "formerKeys"), and ask for that one.`;

/** The configured replacement of this name; null if rotation.json does not let the KEK be replaced by it. */
export const replacementOf = ({ key, replacements }: ManagedKey, wanted: string | undefined): Replacement | null =>
  wanted === undefined || sameKey(wanted, key)
    ? null
    : (replacements.find((each) => sameKey(each.key, wanted)) ?? null);

// --- The other key's claim ---------------------------------------------------------------------------------------------

type ClaimPorts = Pick<RotationPorts, 'ledger'>;

/** How often a lost race for the other key's row is decided again before it is left to the orchestrator's own loop. */
const racesBeforeGivingUp = 5;

/**
 * Takes the claim of the key that is moved to, so that nothing runs under it meanwhile. Only while the run holds the claim of the KEK
 * itself: whoever finds the one held without the other knows that it was left behind.
 * @throws RefusalError when something runs there, or has run there since
 */
export async function holdReplacement(ports: ClaimPorts, claim: Claim, now: string): Promise<void> {
  const key = claim.replacement;
  if (key === undefined || sameKey(key, claim.key)) return;
  for (let race = 1; ; race++) {
    const { claim: there, etag } = await ports.ledger.read(key);
    if (there?.purpose === 'replacement' && there.rotationId === claim.rotationId) return;
    const reason = whyNotTo(there, claim);
    if (reason !== null) throw new RefusalError(reason.code, reason.message);
    try {
      await ports.ledger.update(key, etag, { claim: heldFor(key, there, claim, now) });
      return;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      if (race === racesBeforeGivingUp) throw new FaultError('claim-contended', `The claim on ${key} is contended.`);
    }
  }
}

/** Why the KEK's targets cannot be moved to this key, or back from it, now; null if nothing stands in the way. */
function whyNotTo(
  there: Claim | null,
  { key, rotationId, replacedBy }: Pick<Claim, 'key' | 'rotationId' | 'replacedBy'>,
): Reason | null {
  if (there === null) return null;
  if (there.rotationId !== null && there.rotationId !== rotationId && !wasLeftBy(there, key)) {
    const message = `Rotation ${there.rotationId} of ${there.key} is under way. Wait for its end, then start again.`;
    return { code: 'replacement-busy', message };
  }
  if (there.revocation !== undefined) {
    return {
      code: 'key-revoked',
      message: `${there.key} was revoked at ${there.revocation.at}. Start "restore" first.`,
    };
  }
  if (there.replacedBy !== undefined) {
    const message = `${there.key} was itself replaced by ${there.replacedBy.key}. Name a key that was not given up.`;
    return { code: 'replacement-replaced', message };
  }
  if (replacedBy !== undefined && there.lastRotationId !== replacedBy.rotationId) {
    const message = `${there.key} was rotated since (${there.lastRotationId}), so there is no way back to ${key} any more.`;
    return { code: 'replacement-moved-on', message };
  }
  return null;
}

/** Held for a run of this key, by one that does not hold this key's claim: the caller does. */
const wasLeftBy = (there: Claim, key: string): boolean =>
  there.purpose === 'replacement' && there.heldFor !== undefined && sameKey(there.heldFor, key);

const heldFor = (key: string, last: Claim | null, claim: Claim, now: string): Claim => ({
  ...(last ?? neverHeld(key, now)),
  generation: (last?.generation ?? 0) + 1,
  rotationId: claim.rotationId,
  instanceId: claim.instanceId,
  bound: true,
  claimedAt: now,
  requestedAt: claim.requestedAt,
  reason: claim.reason,
  cause: claim.cause,
  phase: 'requested',
  waitingFor: null,
  orphanedSince: null,
  unchangedSince: now,
  purpose: 'replacement',
  heldFor: claim.key,
});

const freed = ({ heldFor: _for, ...claim }: Claim): Claim => ({
  ...claim,
  rotationId: null,
  instanceId: null,
  bound: false,
  purpose: 'rotation',
  orphanedSince: null,
});

/** Why a completed `replace` can no longer be taken back, as far as the other key is concerned; null if it can, or the last run was none. */
export async function whyNoWayBack(ports: ClaimPorts, claim: Claim | null): Promise<string | null> {
  const replacedBy = claim?.replacedBy;
  if (claim === null || replacedBy === undefined) return null;
  const { claim: there } = await ports.ledger.read(replacedBy.key);
  return whyNotTo(there, { key: claim.key, rotationId: replacedBy.rotationId, replacedBy })?.message ?? null;
}

/** The run of a key that is to be replaced by one under which something runs; null if nothing does. */
export async function runUnder(ports: ClaimPorts, replacement: Replacement, key: string): Promise<Claim | null> {
  const { claim: there } = await ports.ledger.read(replacement.key);
  return there === null || there.rotationId === null || wasLeftBy(there, key) ? null : there;
}

/** A claim that is held for a run which does not hold its own key's claim was left behind by it, and is given up. */
export async function freeIfLeft(ports: ClaimPorts, key: string): Promise<boolean> {
  const { claim, etag } = await ports.ledger.read(key);
  if (claim?.purpose !== 'replacement' || claim.heldFor === undefined) return false;
  const { claim: owner } = await ports.ledger.read(claim.heldFor);
  if (owner?.rotationId === claim.rotationId && owner.purpose === 'rotation') return false;
  try {
    await ports.ledger.update(key, etag, { claim: freed(claim) });
    return true;
  } catch (error) {
    if (error instanceof ConflictError) return false;
    throw error;
  }
}

// --- The end of a run --------------------------------------------------------------------------------------------------

/**
 * What the end of a run means for the key that it moved to: its claim is given up, and both histories name each other. Comes before the
 * KEK's own claim is given up, so that a repeat after a crash finds what is left to do.
 */
export async function settleReplacement(
  ports: Pick<RotationPorts, 'ledger' | 'auditLog'>,
  run: RunReference,
  claim: Claim,
  { phase, now }: { readonly phase: Phase; readonly now: string },
): Promise<void> {
  const key = claim.replacement;
  if (key === undefined) return;
  for (let race = 1; ; race++) {
    const { claim: there, etag } = await ports.ledger.read(key);
    if (there?.purpose !== 'replacement' || there.rotationId !== claim.rotationId) return;
    await tellReplacement(ports, run, key, { phase, now });
    try {
      await ports.ledger.update(key, etag, { claim: settled(freed(there), claim, { phase, now }) });
      return;
    } catch (error) {
      if (!(error instanceof ConflictError) || race === racesBeforeGivingUp) throw error;
    }
  }
}

function settled(there: Claim, claim: Claim, { phase, now }: { readonly phase: Phase; readonly now: string }): Claim {
  const { rotationId } = claim;
  if (phase === 'completed' && rotationId !== null) {
    // Nothing that came before under this key goes back any more; where the run left its targets is where they belong.
    const { plan, nextVersion } = claim;
    const replaces = { key: claim.key, rotationId, at: now };
    return { ...there, lastRotationId: rotationId, lastRun: { plan, nextVersion }, replaces };
  }
  const { replaces, lastRun: _gone, ...rest } = there;
  return phase === 'rolled-back' && replaces?.rotationId === rotationId ? rest : there;
}

async function tellReplacement(
  ports: Pick<RotationPorts, 'auditLog'>,
  run: RunReference,
  key: string,
  { phase, now }: { readonly phase: Phase; readonly now: string },
): Promise<void> {
  const said: Partial<Record<Phase, string>> = {
    completed: `${key} takes the place of ${run.key}, whose history goes before this one.`,
    'rolled-back': `What was moved here from ${run.key} went back there.`,
  };
  const message = said[phase];
  if (message === undefined) return;
  const entry = { at: now, action: 'replace', target: null, outcome: 'done' as const, message };
  await record(ports, { ...run, key }, { ...entry, details: { of: run.key, phase } }, phase);
}

/** What a claim says of its replacement once its run has ended in `phase`. */
export function replacedAfter(claim: Claim, phase: Phase, now: string): Pick<Claim, 'replacedBy'> {
  const { rotationId, replacement, replacedBy } = claim;
  if (claim.run !== 'replace' || rotationId === null || replacement === undefined) {
    return replacedBy === undefined ? {} : { replacedBy };
  }
  return phase === 'completed' ? { replacedBy: { key: replacement, rotationId, at: now } } : {};
}

/**
 * What backups may still need of a key. Of one that was replaced only the age counts: no rotation comes after, so that a count of
 * rotations would keep a compromised key enabled for ever.
 */
export const keptOf = (managed: ManagedKey, claim: Claim | null): ManagedKey['retirement']['keep'] =>
  successorOf(managed, claim) === null ? managed.retirement.keep : { ...managed.retirement.keep, count: 0 };

/** Every version of a key that was replaced and that anybody could still use: all of them are to be retired. */
export async function versionsLeft(ports: Pick<RotationPorts, 'keyVault'>, key: string): Promise<readonly string[]> {
  return (await ports.keyVault.versions(key)).filter(({ enabled }) => enabled).map(({ version }) => version);
}

// --- What the plan is made from ----------------------------------------------------------------------------------------

/** Reads the key that is to be moved to, if the configuration lets it be asked for, and tries it. */
export async function readReplacement(
  ports: Pick<RotationPorts, 'keyVault' | 'ledger'>,
  managed: ManagedKey,
  { key, toVersion, claim }: { readonly key: string; readonly toVersion: string | null; readonly claim: Claim | null },
  now: Date,
): Promise<ReplacementFacts> {
  const allowed = replacementOf(managed, key);
  const nothing = { key, toVersion, versions: [], next: null, failed: null, busy: null };
  if (allowed === null) return { ...nothing, configured: false };
  const { claim: there } = await ports.ledger.read(allowed.key);
  const busy = whyNotTo(there, { key: managed.key, rotationId: claim?.rotationId ?? null });
  const facts = { ...nothing, key: allowed.key, configured: true, busy };
  const versions = await ports.keyVault.versions(allowed.key);
  const version = nextOfReplacement({ ...facts, versions }, now);
  const next = version === null ? null : await readOrNull(() => ports.keyVault.version(kidOf(allowed.key, version)));
  return { ...facts, versions, next, failed: next === null ? null : await failureOf(ports, next) };
}

async function failureOf(ports: Pick<RotationPorts, 'keyVault'>, next: KeyVersionDetail): Promise<Reason | null> {
  if (next.publicKey === null) return null; // said by the check of what it can do
  try {
    await proveRoundTrip(ports, next, 'replacement-does-not-open');
    return null;
  } catch (error) {
    if (error instanceof RefusalError) return { code: error.code, message: error.message };
    throw error;
  }
}

async function readOrNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof RefusalError) return null;
    throw error;
  }
}
