import type { Span, VaultBudget } from './ports';
import { compact, earliestRoom, spentBetween, takeBack, windowMilliseconds } from './spending';

/**
 * How workers share a vault's quota (docs/decisions). Each takes a *grant* from the vault's one row, about half a second of work at a
 * time, and spends it evenly over its own slice of time; slices follow each other whoever takes them. All instants are milliseconds.
 * Clocks may differ: time is the latest that anybody wrote, so a slow clock follows the fastest one, and no rule reads anything else.
 */

/** The share of the limit that is given out: what is left is for calls that arrive a little later than they were sent. */
const givenOut = 0.98;
/** How long one grant lasts. */
const sliceMilliseconds = 500;
/** Grants are given at most so far ahead: a refusal should find few of them out. */
const aheadMilliseconds = 1000;
/** Lost time is caught up at this pace: slower, what is lost while one catches up, or stands still after it, would not be made good. */
const catchingUp = 2;
/** A call that tries whether the vault takes calls again is given so long before another may. */
const trialMilliseconds = 1000;
/**
 * Azure's advice for a 429 without `Retry-After` (throttling guidance of Key Vault, 2026-07-15). A vault that refuses again after its own
 * `Retry-After` is waited for so long at least: one that says a second and counts ten would refuse nine trials.
 */
const backOffSeconds = [1, 2, 4, 8, 16];
/**
 * After a refusal: what the vault had taken, at least a little lower than before, and never less than half of that: somebody else may
 * have used the vault up. However often it refuses, so much of what may be used is tried again. A small step: a vault that stood still for
 * a moment, and then met all that had come meanwhile, refuses too.
 */
const lower = 0.99;
const lowest = 0.5;
const lowestOfAll = 1 / 40;
/**
 * Refused again within a minute, a limit is not found yet, and each further step costs a block and the calls that are under way: the steps
 * are longer, and down to a quarter what the vault had taken is believed.
 */
const lowerAgain = 0.9;
const lowestAgain = 0.25;
const againMilliseconds = 60_000;
/** To this power of the square of the windows since: hardly at first, so that a limit just found is not tried at once, and double after eight minutes. */
const growth = 1.0003;
/** Nothing is owed until an instant that never comes. */
const never = Number.MAX_SAFE_INTEGER;

/** What a worker tells when it comes for more. */
export interface Report {
  /** Spent without asking: probes and reads do not wait behind bulk work. */
  readonly charged: readonly Span[];
  /** Of earlier grants, each with the slice it was for: not spent, or refused by the vault, which does not count what it refuses. */
  readonly unspent: readonly Span[];
  readonly refusal: Refusal | null;
  /** A call that tried whether the vault takes calls again was let through. */
  readonly recovered: boolean;
}

export interface Refusal {
  readonly sentAt: number;
  readonly retryAfterSeconds: number | null;
}

/** What a worker asks for: at most so many units, in operations of this cost. */
export interface Ask {
  readonly cost: number;
  readonly units: number;
}

export type PacingAnswer =
  | {
      readonly kind: 'grant';
      readonly slice: Span;
      /** One call that tries whether the vault takes calls again. */
      readonly trial: boolean;
    }
  | { readonly kind: 'wait'; readonly until: number; readonly blocked: boolean };

/** The instant it is now for everybody who shares the budget. */
function sharedNow(budget: VaultBudget | null, clock: number): number {
  return Math.max(clock, budget?.writtenAt ?? clock);
}

/**
 * Units that may be used of those that the vault is taken to accept in ten seconds. What was learned by a refusal loses its weight with
 * time: services under the same vault come and go.
 */
export function limitOf(budget: VaultBudget | null, ceiling: number, now: number): number {
  if (budget === null || budget.learned === null) return ceiling;
  const windows = Math.max(0, now - budget.refusedAt) / windowMilliseconds;
  return Math.min(ceiling, budget.learned * growth ** (windows ** 2));
}

/**
 * One exchange of a worker with the budget: what it reports is entered, what it asks for is granted or put off.
 * @param ceiling units in ten seconds that all workers may use together: the vault's quota, or a share of it
 */
export function exchange(
  known: VaultBudget | null,
  ceiling: number,
  report: Report,
  ask: Ask | null,
  clock: number,
): { budget: VaultBudget; answer: PacingAnswer } {
  const now = sharedNow(known, clock);
  const budget = enter(aged(known ?? unused(now), ceiling, now), ceiling, report, now);
  if (ask === null) return { budget, answer: { kind: 'wait', until: now, blocked: now < budget.blockedUntil } };
  if (now < budget.blockedUntil) {
    return { budget, answer: { kind: 'wait', until: budget.blockedUntil, blocked: true } };
  }
  return budget.refusals > 0 ? tryOne(budget, ceiling, ask, now) : grant(budget, ceiling, ask, now);
}

function unused(now: number): VaultBudget {
  const longAgo = Number.MIN_SAFE_INTEGER;
  return {
    writtenAt: now,
    spans: [],
    nextAt: now,
    dueAt: now,
    learned: null,
    blockedUntil: longAgo,
    refusals: 0,
    refusedAt: longAgo,
  };
}

/** What is long past is forgotten: what was spent, and a limit that has grown back to what may be used. */
function aged(budget: VaultBudget, ceiling: number, now: number): VaultBudget {
  const learned = limitOf(budget, ceiling, now) < ceiling ? budget.learned : null;
  return { ...budget, writtenAt: now, spans: compact(budget.spans, now), learned };
}

function enter(budget: VaultBudget, ceiling: number, report: Report, now: number): VaultBudget {
  let { spans, dueAt } = budget;
  for (const back of report.unspent) {
    spans = takeBack(spans, back);
    dueAt -= back.units / paceOf(budget, ceiling, now);
  }
  const entered = { ...budget, spans: [...spans, ...report.charged], dueAt };
  const current = report.recovered ? recovered(entered, now) : entered;
  return report.refusal === null ? current : refused(current, ceiling, report.refusal, now);
}

const recovered = (budget: VaultBudget, now: number): VaultBudget => ({
  ...budget,
  refusals: 0,
  nextAt: now,
  dueAt: Math.min(budget.dueAt, now),
});

/** Calls that were under way when the vault first refused, or did not wait, say nothing new, unless they bring a longer `Retry-After`. */
function refused(budget: VaultBudget, ceiling: number, refusal: Refusal, now: number): VaultBudget {
  const asked = refusal.retryAfterSeconds;
  if (refusal.sentAt <= budget.refusedAt || now < budget.blockedUntil) {
    const blockedUntil = Math.max(budget.blockedUntil, now + (asked ?? 0) * 1000);
    return { ...budget, blockedUntil };
  }
  const refusals = budget.refusals + 1;
  const wait = Math.max(asked ?? 0, backOffSeconds[Math.min(refusals, backOffSeconds.length) - 1] ?? 0);
  // A trial that was refused says that the vault is not free yet, and nothing of how much it takes.
  const learned = budget.refusals > 0 ? budget.learned : lowered(budget, ceiling, now);
  // Nor is a limit that was only cut a known one: what is lost until the vault takes calls again is not caught up.
  const cut = budget.refusals === 0 && learned === lowestNow(budget, ceiling, now);
  return {
    ...budget,
    learned,
    dueAt: cut ? never : budget.dueAt,
    blockedUntil: now + wait * 1000,
    refusals,
    refusedAt: now,
    nextAt: now,
  };
}

function lowered(budget: VaultBudget, ceiling: number, now: number): number {
  const limit = limitOf(budget, ceiling, now);
  const taken = spentBetween(budget.spans, now - windowMilliseconds, now);
  const step = refusedLately(budget, now) ? lowerAgain : lower;
  return Math.max(lowestNow(budget, ceiling, now), Math.min(limit * step, taken));
}

function lowestNow(budget: VaultBudget, ceiling: number, now: number): number {
  const part = refusedLately(budget, now) ? lowestAgain : lowest;
  return Math.max(ceiling * lowestOfAll, limitOf(budget, ceiling, now) * part);
}

const refusedLately = (budget: VaultBudget, now: number): boolean => now - budget.refusedAt < againMilliseconds;

/** Units in a millisecond. */
const paceOf = (budget: VaultBudget, ceiling: number, now: number): number =>
  (limitOf(budget, ceiling, now) * givenOut) / windowMilliseconds;

/** After a refusal one call goes alone, whoever makes it, until one is let through. */
function tryOne(budget: VaultBudget, ceiling: number, { cost }: Ask, now: number) {
  const from = roomFor(budget, ceiling, { from: Math.max(now, budget.nextAt), units: cost, length: 1 });
  if (from > now) return { budget, answer: { kind: 'wait' as const, until: from, blocked: true } };
  const slice = { from, to: from + 1, units: cost };
  const given = { ...budget, spans: [...budget.spans, slice], nextAt: from + trialMilliseconds };
  return { budget: given, answer: { kind: 'grant' as const, slice, trial: true } };
}

function grant(budget: VaultBudget, ceiling: number, ask: Ask, now: number) {
  const pace = paceOf(budget, ceiling, now);
  const units = Math.max(1, Math.floor(Math.min(ask.units, pace * sliceMilliseconds) / ask.cost)) * ask.cost;
  const earliest = Math.max(now, budget.nextAt);
  // What was idle for a whole window starts evenly: otherwise it would spend a window in eight seconds and then stand still for two.
  const idle = earliest - budget.dueAt > windowMilliseconds;
  const dueAt = idle ? earliest : budget.dueAt;
  // No more is caught up than was lost: the faster calls go, the more are under way when the vault refuses one.
  const length = Math.max(units / pace - Math.max(0, earliest - dueAt), units / (pace * catchingUp));
  const from = roomFor(budget, ceiling, { from: earliest, units, length });
  if (from - now > aheadMilliseconds) {
    const until = from - aheadMilliseconds / 2;
    return { budget, answer: { kind: 'wait' as const, until, blocked: false } };
  }
  const slice = { from, to: from + length, units };
  const given = { ...budget, spans: [...budget.spans, slice], nextAt: slice.to, dueAt: dueAt + units / pace };
  return { budget: given, answer: { kind: 'grant' as const, slice, trial: false } };
}

function roomFor(
  budget: VaultBudget,
  ceiling: number,
  { from, units, length }: { from: number; units: number; length: number },
): number {
  return earliestRoom(budget.spans, { from, to: from + length, units }, limitOf(budget, ceiling, from) * givenOut);
}
