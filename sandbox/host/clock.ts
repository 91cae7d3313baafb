import { readFileSync } from 'node:fs';

/**
 * The host's clock: the machine's time plus an offset that only grows. Everything durable (history timestamps, timers,
 * `currentUtcDateTime`) is on this clock, so that a local cloud can jump over a day of soaking.
 */
export class HostClock {
  private offset: number;
  private latest = 0;
  private readonly listeners = new Set<() => void>();

  /** @param offsetMilliseconds how far ahead of the machine's clock to begin; not negative */
  constructor(offsetMilliseconds = 0) {
    this.offset = Math.max(0, offsetMilliseconds);
  }

  /** Milliseconds since 1970-01-01 UTC on the virtual clock; never less than an earlier answer. */
  now(): number {
    this.latest = Math.max(this.latest, Date.now() + this.offset);
    return this.latest;
  }

  /** How far the virtual clock is ahead of the machine's, in milliseconds. */
  get offsetMilliseconds(): number {
    return this.offset;
  }

  /** Moves the clock ahead. @returns false, and changes nothing, if the offset would shrink. */
  advanceTo(offsetMilliseconds: number): boolean {
    if (!Number.isFinite(offsetMilliseconds) || offsetMilliseconds < this.offset) return false;
    this.offset = offsetMilliseconds;
    for (const listener of this.listeners) listener();
    return true;
  }

  /** Calls `listener` after every jump: whoever sleeps on a machine timer has to look again. */
  onJump(listener: () => void): void {
    this.listeners.add(listener);
  }
}

/**
 * Reads the offset kept on disk by whoever owns the clock.
 * @throws Error if the file is there and is not `{"offsetMilliseconds": number}`
 */
export function readClockFile(path: string | undefined): number {
  if (path === undefined) return 0;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  const offset = (JSON.parse(text) as { offsetMilliseconds?: unknown }).offsetMilliseconds ?? 0;
  if (typeof offset !== 'number' || offset < 0) {
    throw new Error(`The clock file ${path} must hold {"offsetMilliseconds": <number, not negative>}.`);
  }
  return offset;
}

/** Lets the app take its `now` from the host: set before the app is loaded, absent in Azure. */
export function publishClock(clock: HostClock): void {
  const globals = globalThis as Record<symbol, unknown>;
  globals[Symbol.for('keyturn.clock')] = () => new Date(clock.now());
}
