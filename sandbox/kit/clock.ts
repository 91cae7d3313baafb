import { readFileIfThere, replaceFile } from './durable-file';
import { InFlight } from './in-flight';

interface Appointment {
  due: number;
  order: number;
  pulls: boolean;
  run: () => void | Promise<void>;
}

/** Node's timers overflow above this; a later appointment is looked at again when it has passed. */
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

/**
 * Virtual time: the machine's time plus an offset that only grows and is kept on disk as `{"offsetMilliseconds": n}`.
 *
 * Time passes by itself at the machine's speed; `advanceTo` makes it jump. What is scheduled runs when its time has come,
 * by whichever of the two.
 */
export class SandboxClock {
  readonly flight: InFlight;
  readonly #file: string;
  readonly #listeners = new Set<() => void>();
  readonly #running = new Set<Promise<void>>();
  #appointments: Appointment[] = [];
  #offset: number;
  #order = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `flight` counts scheduled work while it runs, so that the clock does not jump under it. */
  constructor(file: string, flight: InFlight = new InFlight()) {
    this.#file = file;
    this.flight = flight;
    const kept = readFileIfThere(file);
    this.#offset = kept === undefined ? 0 : (JSON.parse(kept) as { offsetMilliseconds: number }).offsetMilliseconds;
  }

  get offsetMilliseconds(): number {
    return this.#offset;
  }

  now(): Date {
    return new Date(this.nowMilliseconds());
  }

  nowMilliseconds(): number {
    return Date.now() + this.#offset;
  }

  /**
   * Runs `run` once virtual time has reached `dueMilliseconds`; at the next turn of the event loop if it has already.
   *
   * @param pulls whether the clock may jump to it: an operation, a cache, an outage's end, an event's retry; not an expiry date.
   */
  schedule(dueMilliseconds: number, pulls: boolean, run: () => void | Promise<void>): { cancel(): void } {
    const appointment = { due: dueMilliseconds, order: this.#order++, pulls, run };
    this.#appointments.push(appointment);
    this.#appointments.sort((a, b) => a.due - b.due || a.order - b.order);
    this.#setTimer();
    return {
      cancel: () => {
        this.#appointments = this.#appointments.filter((other) => other !== appointment);
        this.#setTimer();
      },
    };
  }

  /** When the earliest appointment is due that the clock may jump to; undefined if there is none. */
  nextDue(): number | undefined {
    return this.#appointments.find((appointment) => appointment.pulls)?.due;
  }

  /** Jumps forward; a time that has already passed changes nothing. On disk before anything runs at the new time. */
  advanceTo(virtualMilliseconds: number): void {
    const offset = Math.ceil(virtualMilliseconds - Date.now());
    if (offset > this.#offset) {
      replaceFile(this.#file, JSON.stringify({ offsetMilliseconds: offset }));
      this.#offset = offset;
      for (const listener of this.#listeners) listener();
    }
    this.#runDue();
  }

  /** Resolves once everything that has begun by now is done: who makes the clock jump wants to see what that set going. */
  async idle(): Promise<void> {
    await Promise.all([...this.#running]);
  }

  onAdvance(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Forgets every appointment: nothing scheduled here runs any more. */
  stop(): void {
    this.#appointments = [];
    clearTimeout(this.#timer);
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const next = this.#appointments[0];
    if (next === undefined) return;
    const wait = Math.min(Math.max(next.due - this.nowMilliseconds(), 0), LONGEST_TIMER_MILLISECONDS);
    this.#timer = setTimeout(() => this.#runDue(), wait);
    this.#timer.unref();
  }

  #runDue(): void {
    for (;;) {
      const next = this.#appointments[0];
      if (next === undefined || next.due > this.nowMilliseconds()) break;
      this.#appointments.shift();
      const running: Promise<void> = this.#run(next).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
    this.#setTimer();
  }

  async #run(appointment: Appointment): Promise<void> {
    const leave = this.flight.enter();
    try {
      await appointment.run();
    } catch (error) {
      // A stand-in's own mistake; the rest of the local cloud goes on.
      process.emitWarning(
        `Scheduled work of the local cloud failed: ${error instanceof Error ? error.message : error}`,
      );
    } finally {
      leave();
    }
  }
}
