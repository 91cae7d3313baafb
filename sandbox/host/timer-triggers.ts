import { AppLoadError } from './app-files';
import type { HostClock } from './clock';
import type { FunctionApp } from './function-app';
import type { AppFunction } from './rpc';
import { parseSchedule, type Schedule } from './schedule';

const longestSleep = 2_000_000_000;

interface Trigger {
  readonly target: AppFunction;
  readonly schedule: Schedule;
  last: number | undefined;
  next: number;
}

/**
 * Timer triggers on the virtual clock. They follow the clock and never pull it; after a jump over several occurrences a
 * function runs once.
 */
export class TimerTriggers {
  private readonly app: FunctionApp;
  private readonly clock: HostClock;
  private readonly triggers: Trigger[] = [];
  private sleep: NodeJS.Timeout | undefined;
  private stopped = true;

  /**
   * @param settings for schedules of the form `%NAME%`
   * @throws AppLoadError if a schedule cannot be read
   */
  constructor(app: FunctionApp, clock: HostClock, settings: Readonly<Record<string, string | undefined>>) {
    this.app = app;
    this.clock = clock;
    for (const target of app.functions.values()) {
      if (target.trigger.type !== 'timerTrigger') continue;
      const schedule = scheduleOf(target, settings);
      this.triggers.push({ target, schedule, last: undefined, next: schedule.next(clock.now()) });
    }
    clock.onJump(() => this.runDue());
  }

  start(): void {
    this.stopped = false;
    for (const trigger of this.triggers) {
      if (trigger.target.trigger.runOnStartup === true) this.run(trigger);
    }
    this.arm();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.sleep);
  }

  /** Invokes a timer function now. @returns false if there is no such function */
  invoke(name: string): boolean {
    const trigger = this.triggers.find((it) => it.target.name === name);
    if (trigger === undefined) return false;
    this.run(trigger);
    return true;
  }

  private runDue(): void {
    if (this.stopped) return;
    const now = this.clock.now();
    for (const trigger of this.triggers) {
      if (trigger.next > now) continue;
      trigger.next = trigger.schedule.next(now);
      this.run(trigger);
    }
    this.arm();
  }

  private run(trigger: Trigger): void {
    const status = {
      Last: trigger.last === undefined ? '0001-01-01T00:00:00' : new Date(trigger.last).toISOString(),
      Next: new Date(trigger.next).toISOString(),
      LastUpdated: new Date(this.clock.now()).toISOString(),
    };
    trigger.last = this.clock.now();
    const data = { Schedule: { AdjustForDST: true }, ScheduleStatus: status, IsPastDue: false };
    // The invocation logs its own failure; like the real host, a timer function is not retried.
    void this.app.invoke(trigger.target.name, { json: JSON.stringify(data) }).catch(() => undefined);
  }

  private arm(): void {
    clearTimeout(this.sleep);
    if (this.triggers.length === 0) return;
    const next = Math.min(...this.triggers.map((trigger) => trigger.next));
    const delay = Math.min(Math.max(0, next - this.clock.now()), longestSleep);
    this.sleep = setTimeout(() => this.runDue(), delay);
  }
}

function scheduleOf(target: AppFunction, settings: Readonly<Record<string, string | undefined>>): Schedule {
  const written = target.trigger.schedule ?? '';
  const setting = /^%(.+)%$/.exec(written)?.[1];
  const expression = setting === undefined ? written : settings[setting];
  try {
    if (expression === undefined) throw new Error(`The setting ${setting} is not set.`);
    return parseSchedule(expression);
  } catch (error) {
    throw new AppLoadError(`The timer function "${target.name}" cannot be scheduled: ${(error as Error).message}`);
  }
}
