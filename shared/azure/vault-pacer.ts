import { FaultError } from '../rotation/errors';
import type { PacingAnswer, Refusal, Report } from '../rotation/pacing';
import type { Span } from '../rotation/ports';
import { windowMilliseconds } from '../rotation/spending';
import { type PacerSettings, SharedBudget } from './shared-budget';

/** Paces what this process asks of one vault. */
export interface VaultPacer {
  /**
   * Sends a bulk call as soon as the budget has room for it.
   * @param cost in units (shared/rotation/operation-cost)
   * @throws FaultError `throttled` when the vault takes no calls for longer than is waited for here; else what the call throws
   */
  run<T>(cost: number, call: () => Promise<T>): Promise<T>;
  /** Enters a call that did not wait. */
  charge(cost: number): void;
  /** The vault refused a call that did not wait: bulk calls stop too. */
  refused(retryAfterSeconds: number | undefined): void;
}

/** A refused call, and those behind it, wait here at most so long; then it is the orchestrator that waits, which needs no process for it. */
const patienceMilliseconds = 20_000;
/** What a grant still holds so long after its slice is given back: spent later, it would count where no rule looks. */
const latenessMilliseconds = 80;
/** The next grant is fetched when half of this one is spent, or so long before it ends. */
const fetchAheadMilliseconds = 250;
/** Charges that are no further apart are entered as one. */
const chargeMilliseconds = 100;

interface Grant {
  readonly slice: Span;
  readonly trial: boolean;
  spent: number;
}

interface Waiting {
  readonly cost: number;
  patientUntil: number | null;
  start(grant: Grant): void;
  giveUp(error: unknown): void;
}

/** Calls wait in line; grants of the shared budget are spent on them, each evenly over its slice of time. */
class Pacer implements VaultPacer {
  readonly #settings: PacerSettings;
  readonly #budget: SharedBudget;
  readonly #line: Waiting[] = [];
  readonly #grants: Grant[] = [];
  #report: Report = nothing;
  /** What the next grant should hold at least; all it can as long as grants are used up. */
  #needed = Number.POSITIVE_INFINITY;
  #asking = false;
  #notBefore = Number.NEGATIVE_INFINITY;
  #refusedAt = Number.NEGATIVE_INFINITY;
  #wake: { readonly at: number; readonly cancel: () => void } | null = null;

  constructor(settings: PacerSettings) {
    this.#settings = settings;
    this.#budget = new SharedBudget(settings);
  }

  run<T>(cost: number, call: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting = {
        cost,
        patientUntil: null,
        giveUp: reject,
        start: (grant) => {
          const sentAt = this.#budget.now();
          call().then(
            (answer) => {
              this.#letThrough(grant);
              resolve(answer);
            },
            (error: unknown) => {
              if (isThrottled(error)) this.#putBack(waiting, grant, sentAt, error);
              else {
                // A refusal of another kind is an answer too: the vault takes calls.
                if (!(error instanceof FaultError)) this.#letThrough(grant);
                reject(error);
              }
            },
          );
        },
      };
      this.#line.push(waiting);
      this.#pump();
    });
  }

  charge(cost: number): void {
    const now = this.#budget.now();
    const charged = this.#report.charged.filter(({ to }) => to > now - windowMilliseconds);
    const last = charged.at(-1);
    const joins = last !== undefined && now - last.from < chargeMilliseconds;
    const entry = joins ? { from: last.from, to: now, units: last.units + cost } : { from: now, to: now, units: cost };
    this.#report = { ...this.#report, charged: [...(joins ? charged.slice(0, -1) : charged), entry] };
  }

  refused(retryAfterSeconds: number | undefined): void {
    this.#stop({ sentAt: this.#budget.now(), retryAfterSeconds: retryAfterSeconds ?? null });
    this.#pump();
  }

  // --- Spending --------------------------------------------------------------------------------------------------------

  #pump(): void {
    this.#release();
    if (this.#mustAsk()) void this.#ask();
    this.#sleep();
  }

  #release(): void {
    const now = this.#budget.now();
    for (let first = this.#line[0]; first !== undefined; first = this.#line[0]) {
      const grant = this.#usable(now, first.cost);
      if (grant === null || dueOf(grant) > now) return;
      grant.spent += first.cost;
      this.#line.shift();
      first.start(grant);
    }
  }

  /** The grant that is to be spent now; those that are used up or too late are left behind. */
  #usable(now: number, cost: number): Grant | null {
    for (let grant = this.#grants[0]; grant !== undefined; grant = this.#grants[0]) {
      if (grant.slice.to + latenessMilliseconds >= now && grant.slice.units - grant.spent >= cost) return grant;
      this.#grants.shift();
      this.#giveBack(grant, grant.slice.units - grant.spent);
      if (!grant.trial)
        this.#needed = grant.spent * 2 >= grant.slice.units ? Number.POSITIVE_INFINITY : grant.spent * 2;
    }
    return null;
  }

  #giveBack({ slice: { from, to } }: Grant, units: number): void {
    if (units > 0) this.#report = { ...this.#report, unspent: [...this.#report.unspent, { from, to, units }] };
  }

  #sleep(): void {
    const at = this.#nextMoment();
    if (at === (this.#wake?.at ?? null)) return;
    this.#wake?.cancel();
    this.#wake = null;
    if (at === null) return;
    // Whole milliseconds, as timers count; less would come again and again in the same instant.
    const cancel = this.#settings.clock.after(Math.max(1, Math.ceil(at - this.#budget.now())), () => {
      this.#wake = null;
      this.#pump();
    });
    this.#wake = { at, cancel };
  }

  #nextMoment(): number | null {
    if (this.#line.length === 0) return null;
    const [grant] = this.#grants;
    if (grant !== undefined) return dueOf(grant);
    return this.#asking ? null : this.#notBefore;
  }

  // --- Asking for more -------------------------------------------------------------------------------------------------

  #mustAsk(): boolean {
    if (this.#asking) return false;
    if (this.#report.refusal !== null) return true;
    const now = this.#budget.now();
    if (this.#line.length === 0 || now < this.#notBefore) return false;
    const [grant, ...more] = this.#grants;
    if (grant === undefined) return true;
    return (
      more.length === 0 && (grant.spent * 2 >= grant.slice.units || now >= grant.slice.to - fetchAheadMilliseconds)
    );
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    const report = this.#report;
    this.#report = nothing;
    const [first] = this.#line;
    const waiting = this.#line.reduce((sum, { cost }) => sum + cost, 0);
    const ask = first === undefined ? null : { cost: first.cost, units: Math.max(waiting, this.#needed) };
    try {
      this.#take(await this.#budget.exchange(report, ask));
    } catch (error) {
      for (const each of this.#line.splice(0)) each.giveUp(error);
    }
    this.#asking = false;
    this.#pump();
  }

  #take(answer: PacingAnswer): void {
    if (answer.kind === 'wait') {
      // A vault that was seen to take calls meanwhile, or to refuse them, is news to the row: it is asked again at once.
      if (this.#report.recovered || this.#report.refusal !== null) return;
      this.#notBefore = answer.until;
      if (answer.blocked) this.#losePatience(answer.until);
      return;
    }
    const grant = { slice: answer.slice, trial: answer.trial, spent: 0 };
    // Refused while this grant was on its way: it is of the time before.
    if (this.#report.refusal !== null) this.#giveBack(grant, grant.slice.units);
    else this.#grants.push(grant);
    if (!grant.trial) for (const each of this.#line) each.patientUntil = null;
  }

  // --- Refusals --------------------------------------------------------------------------------------------------------

  #letThrough(grant: Grant): void {
    if (!grant.trial) return;
    this.#report = { ...this.#report, recovered: true };
    this.#notBefore = Number.NEGATIVE_INFINITY;
    this.#pump();
  }

  #putBack(waiting: Waiting, grant: Grant, sentAt: number, fault: FaultError): void {
    this.#giveBack(grant, waiting.cost);
    this.#line.unshift(waiting);
    this.#stop({ sentAt, retryAfterSeconds: fault.retryAfterSeconds ?? null });
    this.#pump();
  }

  #stop(refusal: Refusal): void {
    const pending = this.#report.refusal;
    const longer = (refusal.retryAfterSeconds ?? 0) > (pending?.retryAfterSeconds ?? 0);
    const news = refusal.sentAt > this.#refusedAt;
    if (!news && !longer) return;
    if (news) {
      this.#refusedAt = this.#budget.now();
      for (const grant of this.#grants.splice(0)) this.#giveBack(grant, grant.slice.units - grant.spent);
    }
    const sentAt = Math.max(refusal.sentAt, pending?.sentAt ?? refusal.sentAt);
    this.#report = { ...this.#report, refusal: { ...refusal, sentAt } };
    this.#notBefore = Number.NEGATIVE_INFINITY;
  }

  #losePatience(until: number): void {
    const now = this.#budget.now();
    for (const each of this.#line) each.patientUntil ??= now + patienceMilliseconds;
    for (const each of this.#line.filter(({ patientUntil }) => patientUntil !== null && until > patientUntil)) {
      this.#line.splice(this.#line.indexOf(each), 1);
      each.giveUp(this.#throttled((until - now) / 1000));
    }
  }

  #throttled(seconds: number): FaultError {
    const message = `${this.#settings.vaultUrl} refuses calls because too many were made; none of ours is sent for ${Math.ceil(seconds)} seconds. It is tried again.`;
    return new FaultError('throttled', message, { retryAfterSeconds: Math.ceil(seconds) });
  }
}

export function createVaultPacer(settings: PacerSettings): VaultPacer {
  return new Pacer(settings);
}

const nothing: Report = { charged: [], unspent: [], refusal: null, recovered: false };

/** When the next unit of a grant is to be spent. */
const dueOf = ({ slice: { from, to, units }, spent }: Grant): number => from + ((to - from) * spent) / units;

const isThrottled = (error: unknown): error is FaultError => error instanceof FaultError && error.code === 'throttled';
