import type { SandboxClock } from '../kit';

/** A throttle as Azure describes its own: a bucket that holds `size` and is refilled at `perSecond`, on the virtual clock. */
export class TokenBucket {
  readonly #clock: SandboxClock;
  readonly #size: number;
  readonly #perSecond: number;
  #left: number;
  #at: number;

  constructor(clock: SandboxClock, size: number, perSecond: number) {
    this.#clock = clock;
    this.#size = size;
    this.#perSecond = perSecond;
    this.#left = size;
    this.#at = clock.nowMilliseconds();
  }

  /** Whole tokens left after taking one, or undefined when the bucket was empty. */
  take(): number | undefined {
    const now = this.#clock.nowMilliseconds();
    this.#left = Math.min(this.#size, this.#left + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    if (this.#left < 1) return undefined;
    this.#left -= 1;
    return Math.floor(this.#left);
  }

  /** Whole seconds until the next token, at least 1. */
  retryAfterSeconds(): number {
    return Math.max(1, Math.ceil((1 - this.#left) / this.#perSecond));
  }
}
