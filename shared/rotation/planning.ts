import type { AdoptionOrder, PlanDecision, RunPolicy, RunReference } from '../contracts/activities';
import type { Plan, RunName } from '../contracts/rotation';
import { decideAdoption } from './adoption-plan';
import { askOnce } from './ask-once';
import { isOpen, nextOpening } from './change-windows';
import { FaultError, RefusalError } from './errors';
import { kidOf, versionOf } from './key-identifier';
import { type Decided, decidePlan } from './plan';
import { currentVersion } from './plan-facts';
import type { Claim, Command, KeyVersion, KeyVersionDetail, OtherKey, Target, TargetFacts } from './ports';
import { holdReplacement, readReplacement, refuseIfReplaced, replacementOf } from './replacing';
import { decideRestoration, decideRevocation, type UnreadTarget } from './revocation-plan';
import type { ManagedKey, RotationPorts } from './run-ports';
import { changeClaim, changeRotation, fenceOf, managedKey, readHeldClaim, record } from './run-record';
import { eachSideBySide, readsAtOnce } from './side-by-side';

/**
 * Step 2 for a dry run: the plan, and nothing else. Claims nothing, writes nothing.
 * @throws FaultError when something could not be read; RefusalError `key-not-configured`
 */
export async function dryRun(ports: RotationPorts, request: Asked): Promise<Plan> {
  return (await readClaimAndDecide(ports, request, ports.now())).plan;
}

/** Step 2: gathers everything, then decides. The decision is on record before anything is done with it. */
export async function makePlan(
  ports: RotationPorts,
  input: { readonly run: RunReference; readonly now: string },
): Promise<PlanDecision> {
  const { run, now } = input;
  await fenceOf(ports, run, 'forward')();
  const { claim, commands } = await readHeldClaim(ports, run);
  const managed = managedKey(ports, run.key);
  if (replacementOf(managed, claim.replacement) !== null) await holdReplacement(ports, claim, now);
  const decided = await readAndDecide(ports, managed, { asked: claim, claim }, new Date(now));
  const { plan, runPlan, reasons } = decided;
  waitForAnswers(decided);
  await ports.plans.put(run.rotationId, plan.planHash, { ...plan, key: run.key, rotationId: run.rotationId, at: now });
  await record(
    ports,
    run,
    {
      at: now,
      action: 'plan',
      target: null,
      outcome: plan.decision === 'refuse' ? 'refused' : 'done',
      message: reasons.map(({ message }) => message).join(' ') || `Every check allows ${asked(claim.run)}.`,
      details: {
        decision: plan.decision,
        planHash: plan.planHash,
        previousVersion: plan.previousVersion,
        checks: plan.checks.length,
        unknown: plan.checks.filter(({ result }) => result === 'unknown').length,
      },
      // A repeat after a crash may find other facts; the decision that is acted on must be the one that is told.
    },
    `${plan.decision}.${plan.planHash}`,
  );
  await changeRotation(ports, run.rotationId, (rotation) => ({
    ...rotation,
    previousVersion: plan.previousVersion,
    planHash: plan.planHash,
    targets: runPlan.targets.map(({ kind, name, previousVersion, total }) => ({
      kind,
      name,
      version: previousVersion,
      done: 0,
      total,
    })),
  }));
  if (plan.decision !== 'go') return { decision: plan.decision, reasons };
  await changeClaim(ports, run, (held) => ({ claim: { ...held.claim, plan: runPlan } }));
  const approved = !needsApproval(claim.run, managed.policy) || approvedHash(commands) === plan.planHash;
  // Who revokes or restores cannot wait for a window.
  const closed = needsSecondPerson(claim.run) ? {} : whenClosed(managed, new Date(now));
  return { decision: 'go', plan: runPlan, approved, ...closed };
}

const asked = (run: RunName = 'rotate'): string => (run === 'rotate' ? 'the rotation' : `"${run}"`);

/** What a plan is asked for. */
interface Asked {
  readonly key: string;
  readonly toVersion: string | null;
  readonly run?: RunName | undefined;
  readonly adopt?: AdoptionOrder | undefined;
  readonly replacement?: string | undefined;
}

/** Whether a person has to approve the plan: to cut services off, and to let them in again, it is always a second one. */
export const needsApproval = (run: RunName | undefined, { approval }: Pick<RunPolicy, 'approval'>): boolean =>
  approval === 'required' || needsSecondPerson(run);

export const needsSecondPerson = (run: RunName | undefined): boolean => run === 'revoke' || run === 'restore';

/** When the next change window opens, if none is open now. */
function whenClosed({ key, windows }: ManagedKey, now: Date): { readonly opensAt?: string } {
  if (isOpen(windows, now)) return {};
  const opening = nextOpening(windows, now);
  if (opening !== null) return { opensAt: opening.toISOString() };
  throw new RefusalError(
    'window-never-opens',
    `No change window of ${key} opens within 400 days. Give it other windows.`,
  );
}

/** The plan that was approved last; another one has to be approved anew. */
const approvedHash = (commands: readonly Command[]): string | null =>
  commands.findLast(({ command }) => command === 'approve')?.planHash ?? null;

/**
 * A plan that fails on nothing but what is unknown while a probe has no answer (429, time-out, sign-in) is not refused: the
 * answer may settle the rest, and the event that asked for the plan will not come again. It is made anew until the deadline.
 */
function waitForAnswers({ plan, reasons }: Decided): void {
  // An adoption that has something to write says what is missing beside it, and is refused nothing.
  if (plan.decision !== 'refuse') return;
  const codes = reasons.map(({ code }) => code);
  if (!codes.includes('probe-green-unknown') || !codes.every((code) => code.endsWith('-unknown'))) return;
  throw new FaultError('probe-unknown', reasons.map(({ message }) => message).join(' '));
}

/** What the targets of a KEK ask alike, of its vault, is asked once for all of them. */
function inspectAll(targets: readonly Target[], replacement: OtherKey | undefined): Promise<readonly TargetFacts[]> {
  const once = askOnce();
  return eachSideBySide(targets, readsAtOnce, (target) => target.inspect(once, replacement));
}

/** For whoever does not hold the claim. */
async function readClaimAndDecide(ports: RotationPorts, asked: Asked, now: Date): Promise<Decided> {
  const managed = managedKey(ports, asked.key);
  const { claim } = await ports.ledger.read(managed.key);
  return readAndDecide(ports, managed, { asked, claim }, now);
}

async function readAndDecide(
  ports: RotationPorts,
  managed: ManagedKey,
  { asked, claim }: { readonly asked: Asked; readonly claim: Claim | null },
  now: Date,
): Promise<Decided> {
  const { key, policy, acceptUnknown } = managed;
  const { toVersion, run, adopt, replacement: wanted } = asked;
  refuseIfReplaced(managed, claim);
  const replaces = run === 'replace' ? wanted : undefined;
  const allowed = replacementOf(managed, replaces) ?? undefined;
  const [versions, targets] = await Promise.all([
    ports.keyVault.versions(key),
    needsSecondPerson(run) ? [] : inspectAll(managed.targets, allowed),
  ]);
  const revocation = claim?.revocation ?? null;
  if (needsSecondPerson(run)) {
    const facts = { key, versions, revocation, targets: await inspectOrTell(managed.targets) };
    return run === 'revoke' ? decideRevocation(facts) : decideRestoration(facts);
  }
  if (revocation !== null) {
    throw new RefusalError(
      'key-revoked',
      `${key} was revoked at ${revocation.at} (run ${revocation.rotationId}). Start "restore" first.`,
    );
  }
  // Of a replacement it is the other key's version that may be asked for.
  const own = replaces === undefined ? toVersion : null;
  const inUse = await detailsInUse(ports, key, versions, targets, own);
  const facts = {
    key,
    now,
    versions,
    inUseDetails: inUse,
    targets,
    policy,
    allowUnknown: acceptUnknown,
    toVersion: own,
  };
  if (replaces !== undefined) {
    const replacement = await readReplacement(ports, managed, { key: replaces, toVersion, claim }, now);
    return decidePlan({ ...facts, replacement });
  }
  if (run !== 'adopt') return decidePlan(facts);
  return decideAdoption({ ...facts, rotationPolicy: await ports.keyVault.rotationPolicy(key), order: adopt ?? null });
}

/** In an emergency nothing about a target stands in the way; what is away for a while is waited for all the same. */
function inspectOrTell(targets: readonly Target[]): Promise<readonly (TargetFacts | UnreadTarget)[]> {
  const once = askOnce();
  return eachSideBySide(targets, readsAtOnce, async (target) => {
    try {
      return await target.inspect(once);
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      return { kind: target.kind, name: target.name, unread: error.message };
    }
  });
}

/** What a key lacks to be rotated by itself, as it stands now. */
export const readAdoption = (ports: RotationPorts, key: string, now: Date): Promise<Decided> =>
  readClaimAndDecide(ports, { key, toVersion: null, run: 'adopt' }, now);

/** What can be read of each version that a target of ours stands on or is to go to; a disabled one shows nothing, and the plan says so. */
async function detailsInUse(
  ports: RotationPorts,
  key: string,
  versions: readonly KeyVersion[],
  targets: readonly TargetFacts[],
  toVersion: string | null,
): Promise<readonly KeyVersionDetail[]> {
  const named = new Set(targets.flatMap(({ keyIdentifiers }) => keyIdentifiers.map(versionOf)));
  // An identifier without a version stands on the current one.
  if (named.has(null)) named.add(currentVersion(versions));
  named.add(toVersion);
  const known = versions.filter(({ version }) => named.has(version));
  const details = await eachSideBySide(known, readsAtOnce, ({ version }) =>
    ports.keyVault.version(kidOf(key, version)).catch((error: unknown) => {
      if (error instanceof RefusalError) return null;
      throw error;
    }),
  );
  return details.filter((detail) => detail !== null);
}
