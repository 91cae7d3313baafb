import * as df from 'durable-functions';
import { added, begin, type ErrandInput, type ErrandOutput, nothing, type Step, type Tally } from './errand';

/** One execution of an errand. */
class Execution {
  private readonly df: df.DurableOrchestrationContext;
  private readonly mark: string;
  private tally: Tally;
  private readonly news: string[];
  private readonly wrong: string[];
  private named: number;

  constructor(context: df.DurableOrchestrationContext, input: ErrandInput) {
    this.df = context;
    this.mark = input.mark;
    this.tally = input.so;
    this.news = [...input.so.news];
    this.wrong = [...input.so.wrong];
    this.named = input.named;
  }

  get output(): ErrandOutput {
    return { ...added(nothing, this.tally), mark: this.mark, news: this.news, wrong: this.wrong };
  }

  goOn(steps: readonly Step[]): ErrandInput {
    return { mark: this.mark, steps, so: this.output, named: this.named };
  }

  count(kind: keyof Tally): void {
    this.tally = added(this.tally, { [kind]: 1 });
  }

  /** Does one step of those that end before the next begins. */
  *take(step: Step): Generator<df.Task, void, unknown> {
    switch (step.do) {
      case 'activity':
        yield* this.activities(1);
        break;
      case 'together':
        yield* this.activities(step.width);
        break;
      case 'caught':
        yield* this.caught();
        break;
      case 'retried':
        yield* this.retried(step.failures);
        break;
      case 'sleep':
        yield* this.sleep(step.milliseconds);
        break;
      case 'news':
        yield* this.hear();
        break;
      case 'race':
        yield* this.race(step.milliseconds);
        break;
      case 'leave':
        yield* this.leave(step.milliseconds);
        break;
      case 'child':
        this.merge(yield this.child(step.steps, step.id));
        break;
      case 'children':
        for (const output of (yield this.df.Task.all(step.errands.map((steps) => this.child(steps)))) as unknown[]) {
          this.merge(output);
        }
        break;
      default:
        yield this.df.waitForExternalEvent('nobody sends this');
    }
  }

  private name(): string {
    return `${this.mark} ${this.df.instanceId} ${this.named++}`;
  }

  private check(key: string, result: unknown): void {
    if ((result as { key?: string } | undefined)?.key !== key) this.wrong.push(`${key}: ${JSON.stringify(result)}`);
    this.count('activities');
  }

  private *activities(width: number): Generator<df.Task, void, unknown> {
    const keys = Array.from({ length: width }, () => this.name());
    const tasks = keys.map((key) => this.df.callActivity('count', { key }));
    const results = (yield this.df.Task.all(tasks)) as unknown[];
    for (const [index, key] of keys.entries()) this.check(key, results[index]);
  }

  private *caught(): Generator<df.Task, void, unknown> {
    const key = this.name();
    try {
      yield this.df.callActivity('fail', { key });
    } catch (error) {
      if ((error as Error).message.includes(`${key} fails`)) this.count('failures');
    }
  }

  private *retried(failures: number): Generator<df.Task, void, unknown> {
    const key = this.name();
    const options = new df.RetryOptions(1, 100);
    this.check(key, yield this.df.callActivityWithRetry('failFirst', options, { key, failures }));
  }

  private timer(milliseconds: number): df.TimerTask {
    return this.df.createTimer(new Date(this.df.currentUtcDateTime.getTime() + milliseconds));
  }

  private *sleep(milliseconds: number): Generator<df.Task, void, unknown> {
    const until = this.df.currentUtcDateTime.getTime() + milliseconds;
    yield this.timer(milliseconds);
    const early = until - this.df.currentUtcDateTime.getTime();
    if (early > 1000) this.wrong.push(`a timer fired ${early} ms early`);
    this.count('timers');
  }

  private *hear(): Generator<df.Task, void, unknown> {
    for (;;) {
      const value = String(yield this.df.waitForExternalEvent('news'));
      const isNew = !this.news.includes(value);
      this.news.push(value);
      if (isNew) return;
    }
  }

  private *race(milliseconds: number): Generator<df.Task, void, unknown> {
    const timer = this.timer(milliseconds);
    const winner = yield this.df.Task.any([this.df.waitForExternalEvent('go'), timer]);
    if (winner !== timer) timer.cancel();
    this.count('races');
  }

  private *leave(milliseconds: number): Generator<df.Task, void, unknown> {
    const key = this.name();
    const activity = this.df.callActivity('count', { key });
    yield this.df.Task.any([activity, this.timer(milliseconds)]);
    this.count('activities');
  }

  private child(steps: readonly Step[], id?: string): df.Task {
    return this.df.callSubOrchestrator('errand', begin(this.mark, steps), id as string);
  }

  private merge(output: unknown): void {
    const { wrong = ['a child answered nothing'], ...counts } = (output ?? {}) as Partial<ErrandOutput>;
    this.tally = added(added(this.tally, counts), { children: 1 });
    this.wrong.push(...wrong);
  }
}

/** The orchestration that does whatever its input lists, and counts it. */
export function* errand(context: df.OrchestrationContext): Generator<df.Task, ErrandOutput | undefined, unknown> {
  const input = context.df.getInput() as ErrandInput;
  const execution = new Execution(context.df, input);
  for (const [index, step] of input.steps.entries()) {
    context.df.setCustomStatus({ left: input.steps.length - index });
    if (step.do === 'again') {
      execution.count('generations');
      context.df.continueAsNew(execution.goOn(input.steps.slice(index + 1)));
      return undefined;
    }
    yield* execution.take(step);
  }
  return execution.output;
}
