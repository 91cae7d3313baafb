import { FaultError } from '../../shared/rotation/errors';

type MethodName<Port> = keyof Port & string;

/** How a test gets between a rule and a fake: what goes wrong at the nth call of a method, and in which order effects came. */
export interface Interference<Port> {
  /** Every call, in order, as `method` or `method detail`; may be shared between fakes to see the order across them. */
  readonly effects: string[];
  /** The nth call from now on (1: the next) fails before it does anything. */
  fail(method: MethodName<Port>, nth?: number, error?: Error): void;
  /** Every call fails from now on, until `heal`. */
  failAlways(method: MethodName<Port>, error?: Error): void;
  /** The nth call from now on does its work, and the answer is lost. */
  loseAnswer(method: MethodName<Port>, nth?: number, error?: Error): void;
  /** Runs something just before the nth call from now on does its work: somebody else who is faster. */
  before(method: MethodName<Port>, nth: number, action: () => void | Promise<void>): void;
  /** Forgets everything that was to go wrong. */
  heal(): void;
  /** How often a method was called. */
  calls(method: MethodName<Port>): number;
}

interface Plan {
  readonly method: string;
  readonly at: number | 'always';
  readonly when: 'before' | 'after';
  readonly action: () => void | Promise<void>;
}

export type Run<Port> = <T>(method: MethodName<Port>, detail: string, work: () => T | Promise<T>) => Promise<T>;

/** The interference of one fake, and the function through which all its methods go. */
export function interference<Port>(effects: string[] = []): { interfere: Interference<Port>; run: Run<Port> } {
  const counts = new Map<string, number>();
  let plans: Plan[] = [];
  const add = (method: string, nth: number | 'always', when: Plan['when'], action: Plan['action']): void => {
    plans.push({ method, at: nth === 'always' ? nth : (counts.get(method) ?? 0) + nth, when, action });
  };
  const raise = (error: Error) => () => {
    throw error;
  };
  const meet = async (method: string, when: Plan['when'], call: number): Promise<void> => {
    for (const plan of plans) {
      if (plan.method === method && plan.when === when && (plan.at === 'always' || plan.at === call))
        await plan.action();
    }
  };
  const interfere: Interference<Port> = {
    effects,
    fail: (method, nth = 1, error = down(method)) => add(method, nth, 'before', raise(error)),
    failAlways: (method, error = down(method)) => add(method, 'always', 'before', raise(error)),
    loseAnswer: (method, nth = 1, error = lost(method)) => add(method, nth, 'after', raise(error)),
    before: (method, nth, action) => add(method, nth, 'before', action),
    heal: () => {
      plans = [];
    },
    calls: (method) => counts.get(method) ?? 0,
  };
  const run: Run<Port> = async (method, detail, work) => {
    const call = (counts.get(method) ?? 0) + 1;
    counts.set(method, call);
    effects.push(detail === '' ? method : `${method} ${detail}`);
    // A turn of the event loop, as over a network: without it no race would ever show.
    await new Promise((resolve) => setImmediate(resolve));
    await meet(method, 'before', call);
    const answer = await work();
    await meet(method, 'after', call);
    return answer;
  };
  return { interfere, run };
}

const down = (method: string): FaultError => new FaultError('unavailable', `${method} was asked to fail.`);
const lost = (method: string): FaultError =>
  new FaultError('answer-lost', `The answer of ${method} was asked to be lost.`);

/** A fake: the port, and what a test may do to it. */
export type Fake<Port, Extra = unknown> = Port & Extra & { readonly interfere: Interference<Port> };
