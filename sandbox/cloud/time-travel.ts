import { setTimeout as delay } from 'node:timers/promises';
import type { InFlight, SandboxClock } from '../kit';

/** What the Functions host says of its clock and its work. */
export interface HostClockState {
  offsetMilliseconds: number;
  inFlight: number;
  sequence: number;
  /** When its next durable timer is due, in virtual milliseconds; undefined if it has none. */
  nextDue: number | undefined;
  /** Whether an orchestration that sleeps says that it waits for a person. */
  waitsForPerson: boolean;
}

/** The host's clock, however it is reached. Both reject when the host cannot be reached. */
export interface HostClockPort {
  read(): Promise<HostClockState>;
  push(offsetMilliseconds: number): Promise<void>;
}

const QUICK_MILLISECONDS = 15;
const SLOW_MILLISECONDS = 100;

/**
 * Lets virtual time jump over waiting: only when nothing is in flight here or in the host, seen twice with nothing having begun or
 * ended in between, and only to the next thing that is due and may pull the clock. It passes at the machine's speed while an
 * orchestration waits for a person: an approval has a deadline of days, and they would be over before anybody had read what is to
 * be approved.
 */
export class TimeTravel {
  readonly #clock: SandboxClock;
  readonly #flight: InFlight;
  #running: AbortController | undefined;
  #jumps = 0;
  #trouble: string | undefined;

  constructor(clock: SandboxClock, flight: InFlight) {
    this.#clock = clock;
    this.#flight = flight;
  }

  state(): { on: boolean; jumps: number; trouble: string | undefined } {
    return { on: this.#running !== undefined, jumps: this.#jumps, trouble: this.#trouble };
  }

  /** Starts watching a host; one that was watched before is watched no longer. */
  start(host: HostClockPort): void {
    this.stop();
    const running = new AbortController();
    this.#running = running;
    void this.#watch(host, running.signal);
  }

  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
  }

  async #watch(host: HostClockPort, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let pause: number;
      try {
        pause = await this.step(host, signal);
        this.#trouble = undefined;
      } catch (error) {
        // A host that is down or restarting: its work may be half done, so time must not pass over it.
        this.#trouble = error instanceof Error ? error.message : String(error);
        pause = SLOW_MILLISECONDS;
      }
      await delay(pause, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** Looks once, jumps if it may. @returns machine milliseconds until it is worth looking again. */
  async step(host: HostClockPort, signal?: AbortSignal): Promise<number> {
    if (this.#flight.count > 0) return QUICK_MILLISECONDS;
    const sequence = this.#flight.sequence;
    const first = await host.read();
    if (first.offsetMilliseconds < this.#clock.offsetMilliseconds) {
      await host.push(this.#clock.offsetMilliseconds);
      return QUICK_MILLISECONDS;
    }
    // Somebody moved the host alone, or our own file was lost: virtual time never goes back.
    if (first.offsetMilliseconds > this.#clock.offsetMilliseconds)
      this.#clock.advanceTo(Date.now() + first.offsetMilliseconds);
    if (first.inFlight > 0) return QUICK_MILLISECONDS;
    const second = await host.read();
    const hostIsQuiet = second.inFlight === 0 && second.sequence === first.sequence;
    if (!hostIsQuiet || this.#flight.count > 0 || this.#flight.sequence !== sequence || signal?.aborted)
      return QUICK_MILLISECONDS;
    // Said in the same reading as the timer that it sleeps by, so there is no moment at which one is known without the other.
    if (second.waitsForPerson) return SLOW_MILLISECONDS;
    const due = [second.nextDue, this.#clock.nextDue()].filter((time) => time !== undefined);
    if (due.length === 0) return SLOW_MILLISECONDS;
    const next = Math.min(...due);
    if (next <= this.#clock.nowMilliseconds()) return QUICK_MILLISECONDS;
    this.#clock.advanceTo(next);
    this.#jumps += 1;
    await host.push(this.#clock.offsetMilliseconds);
    return QUICK_MILLISECONDS;
  }
}

/** The words in which Keyturn's orchestrations say that they wait for somebody's approval, or for the end of a pause. */
const personWaits: ReadonlySet<string> = new Set(['approval', 'pause']);

interface ClockAnswer extends Omit<HostClockState, 'nextDue' | 'waitsForPerson'> {
  nextDue: string | null;
  customStatuses: readonly ({ readonly waitingFor?: string | null } | null)[];
}

/** The host's clock over its admin address: `GET` and `POST <hostAdmin>/admin/clock`. */
export function hostClockOver(hostAdmin: string): HostClockPort {
  const url = `${hostAdmin.replace(/\/$/, '')}/admin/clock`;
  const ask = async (init?: RequestInit): Promise<Response> => {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(5_000) });
    if (!response.ok) throw new Error(`The host's clock answered ${response.status}.`);
    return response;
  };
  return {
    read: async () => {
      const { nextDue, customStatuses, ...state } = (await (await ask()).json()) as ClockAnswer;
      return {
        ...state,
        nextDue: nextDue === null ? undefined : Date.parse(nextDue),
        waitsForPerson: customStatuses.some((status) => personWaits.has(status?.waitingFor ?? '')),
      };
    },
    push: async (offsetMilliseconds) => {
      const body = JSON.stringify({ offsetMilliseconds });
      const response = await ask({ method: 'POST', headers: { 'content-type': 'application/json' }, body });
      // Read to the end, or the connection is not used again.
      await response.arrayBuffer();
    },
  };
}
