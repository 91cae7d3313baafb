import { HostClock } from '../../../sandbox/host/clock';
import { CrashPlan } from '../../../sandbox/host/engine/crash-plan';
import { Engine } from '../../../sandbox/host/engine/engine';
import { InFlight } from '../../../sandbox/host/in-flight';
import type { RpcData } from '../../../sandbox/host/rpc';
import type { Chance } from '../../survival/chance';
import type { Asked, Said } from './client';
import { errand } from './execution';
import { Crash, type CrashPoint, MortalStore } from './mortal-store';

interface Executor {
  handle(trigger: object, context: object): Promise<object>;
}
const library = require('durable-functions/lib/src/orchestrations/Orchestrator') as {
  Orchestrator: new (story: typeof errand) => Executor;
};

const activityConcurrency = 3;

/** A function of the app that was called and has not answered. */
interface Call {
  readonly isActivity: boolean;
  answer(): Promise<void>;
}

/**
 * The engine in this process, over a real store and the real library, with every order of things in the hands of the test: which call
 * of a function answers next, which turn of the event loop comes next (the timers are Jest's), when the clock jumps and when the host
 * dies. What the test wants of the host goes through `ask`.
 */
export class World implements Asked {
  /** Runs of activities, a line each, as the process test's app writes them. */
  readonly journal: string[] = [];
  /** Keys of the activities on disk at each death. */
  readonly deaths: ReadonlySet<string>[] = [];
  /** Timers that nobody was woken for when they were due. */
  readonly late: string[] = [];
  commits = 0;
  private readonly directory: string;
  private readonly chance: Chance;
  private readonly crashAt: readonly CrashPoint[];
  private readonly calls: Call[] = [];
  /** What the engine put off until the next turn of the event loop. */
  private readonly turns: (() => void)[] = [];
  private readonly unanswered = new Set<() => void>();
  private store: MortalStore;
  private engine: Engine;
  private clock: HostClock;
  private offset = 0;
  /** Milliseconds that orchestrators have taken so far: where that is long, the engine lets results gather. */
  private taken = 0;
  private readonly attempts = new Map<string, number>();

  constructor(directory: string, chance: Chance, crashAt: readonly CrashPoint[]) {
    this.directory = directory;
    this.chance = chance;
    this.crashAt = crashAt;
    const put = (work: () => void): NodeJS.Immediate => {
      this.turns.push(work);
      return {} as NodeJS.Immediate;
    };
    jest.spyOn(globalThis, 'setImmediate').mockImplementation(put as never);
    jest.spyOn(performance, 'now').mockImplementation(() => Date.now() + this.taken);
    [this.store, this.clock, this.engine] = this.begin();
    this.live();
  }

  /** Whether nothing can happen any more unless somebody asks for something. */
  get isStill(): boolean {
    return this.calls.length === 0 && this.turns.length === 0 && jest.getTimerCount() === 0;
  }

  status(instanceId: string): { runtimeStatus: string; output: unknown } | undefined {
    const row = this.engine.status(instanceId);
    return row && { runtimeStatus: row.status, output: row.output === null ? null : JSON.parse(row.output) };
  }

  end(): void {
    this.engine.stop();
    this.store.flush();
  }

  /** What is on disk of a kind. */
  left(kind: 'messages' | 'activities' | 'timers'): number {
    return this.store[kind]().length;
  }

  close(): void {
    this.store.close();
  }

  /** Lets one thing happen, by chance: a call answers, a turn of the event loop passes, a timer fires or the clock jumps. */
  async step(): Promise<void> {
    this.lookForSleepers();
    if (this.chance.next() < 0.03) return this.survive(() => this.jump(this.chance.between(0, 120_000)));
    const answer = (): unknown => this.calls.splice(this.chance.between(0, this.calls.length - 1), 1)[0]?.answer();
    const turn = (): unknown => this.turns.shift()?.();
    const timer = (): void => this.sleep();
    const can = [
      ...(this.calls.length > 0 ? [answer, answer, answer, answer] : []),
      ...(this.turns.length > 0 ? [turn, turn, turn, turn] : []),
      ...(jest.getTimerCount() > 0 ? [timer] : []),
    ];
    if (can.length > 0) await this.survive(this.chance.oneOf(can));
  }

  async ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Said> {
    const lost = Promise.withResolvers<undefined>();
    const lose = (): void => lost.resolve(undefined);
    this.unanswered.add(lose);
    const said = await Promise.race([lost.promise, this.answer(method, path, body)]);
    this.unanswered.delete(lose);
    return said;
  }

  private async answer(method: string, path: string, body: unknown): Promise<Said> {
    const [, id = '', operation = '', event = ''] = path.replace(/\?.*/, '').split('/');
    const { store } = this;
    let said: Said;
    if (method === 'GET') said = this.look(id);
    else if (path.startsWith('orchestrators/')) said = await this.start(id, operation, JSON.stringify(body));
    else said = this.tell(id, operation, event, JSON.stringify(body));
    // As the host does: what an answer tells of has to be on disk first.
    await store.written;
    return said;
  }

  private look(id: string): Said {
    const found = this.status(id);
    return { status: found === undefined ? 404 : this.engine.isLive(id) ? 202 : 200, body: found };
  }

  private async start(name: string, id: string, input: string): Promise<Said> {
    const { engine } = this;
    if (engine.isLive(id)) return { status: 409, body: undefined };
    // The host looks first and writes a turn later.
    await new Promise((resolve) => setImmediate(resolve));
    engine.startNew(name, id, input);
    return { status: 202, body: undefined };
  }

  private tell(id: string, operation: string, event: string, input: string): Said {
    const codes = { accepted: 202, unknown: 404, gone: 410, conflict: 500 };
    const { engine } = this;
    if (operation === 'raiseEvent') return { status: codes[engine.raiseEvent(id, event, input)], body: undefined };
    const answer = engine[operation as 'suspend' | 'resume' | 'terminate'](id, 'enough');
    return { status: codes[answer], body: undefined };
  }

  /** With nothing put off and activities alone under way, fewer than may be, there is nothing that a message or an activity could wait for. */
  private lookForSleepers(): void {
    const { calls, engine, turns } = this;
    if (turns.length > 0 || jest.getTimerCount() > 0 || calls.length >= activityConcurrency) return;
    if (calls.every(({ isActivity }) => isActivity) && engine.queued > 0)
      this.late.push(`${engine.queued} wait for nothing`);
  }

  /** Lets time pass until something is due; the engine's own timers must not be passed by. */
  private sleep(): void {
    const { nextDue = Number.POSITIVE_INFINITY } = this.engine.sleeping();
    const latest = Math.max(nextDue, this.clock.now());
    const { clock } = this;
    jest.advanceTimersToNextTimer();
    if (clock.now() > latest) this.late.push(`a timer that was due at ${latest} was passed by at ${clock.now()}`);
  }

  private jump(milliseconds: number): void {
    this.offset += milliseconds;
    this.clock.advanceTo(this.offset);
  }

  /** Does it, and begins a new life if the host died of it. */
  private async survive(work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.die();
    }
  }

  private die(): void {
    this.engine.stop();
    // Jest sets its clock back when it forgets its timers.
    const now = Date.now();
    jest.clearAllTimers();
    jest.setSystemTime(now);
    this.calls.length = 0;
    this.turns.length = 0;
    this.store.die();
    for (const lose of [...this.unanswered]) lose();
    [this.store, this.clock, this.engine] = this.begin();
    const inputs = this.store.activities().map(({ input }) => JSON.parse(input ?? '{}') as { key: string });
    this.deaths.push(new Set(inputs.map(({ key }) => key)));
    this.live();
  }

  private live(): void {
    this.journal.push(`life ${this.deaths.length}`);
    this.engine.start();
  }

  private begin(): [MortalStore, HostClock, Engine] {
    const clock = new HostClock(this.offset);
    const store = new MortalStore(this.directory, (when) => {
      if (when === 'before') this.commits++;
      if (this.crashAt.some((point) => point.commit === this.commits && point.when === when)) throw new Crash();
    });
    const log = { write: () => undefined };
    const app = {
      orchestrators: new Map([['errand', {}]]),
      activities: new Map(['count', 'fail', 'failFirst'].map((name) => [name, {}])),
      invoke: (name: string, trigger: RpcData | undefined) => this.call(name, String(trigger?.string)),
    };
    const parts = { app, store, clock, inFlight: new InFlight(), log, crashPlan: new CrashPlan() };
    const options = { exactTimers: false, activityConcurrency, noPull: new Set<string>() };
    return [store, clock, new Engine(parts as never, options)];
  }

  private call(name: string, input: string): Promise<RpcData> {
    const { promise, resolve, reject } = Promise.withResolvers<RpcData>();
    const run = name === 'errand' ? () => this.orchestrate(input) : async () => this.activity(name, input);
    this.calls.push({ isActivity: name !== 'errand', answer: () => run().then(resolve, reject) });
    return promise;
  }

  private activity(name: string, input: string): RpcData {
    const { key, failures = 0 } = JSON.parse(input) as { key: string; failures?: number };
    const attempt = (this.attempts.get(key) ?? 0) + 1;
    this.attempts.set(key, attempt);
    if (attempt <= failures) throw new Error(`${key} fails for now`);
    this.journal.push(key);
    if (name === 'fail') throw new Error(`${key} fails`);
    return { json: JSON.stringify({ key }) };
  }

  private async orchestrate(trigger: string): Promise<RpcData> {
    this.taken += this.chance.oneOf([0, 0, 3, 10]);
    return { json: JSON.stringify(await new library.Orchestrator(errand).handle(JSON.parse(trigger), {})) };
  }
}
