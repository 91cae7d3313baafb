/** Time that passes only when nothing is left to do: timers fire in their order, at once, and what they cause is waited for. */
export class VirtualTime {
  #now = 0;
  #made = 0;
  readonly #timers = new Map<number, { readonly at: number; readonly fire: () => void }>();

  /** Milliseconds. */
  now(): number {
    return this.#now;
  }

  after(milliseconds: number, fire: () => void): () => void {
    const id = ++this.#made;
    this.#timers.set(id, { at: this.#now + Math.max(0, milliseconds), fire });
    return () => this.#timers.delete(id);
  }

  wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.after(milliseconds, resolve));
  }

  /** Lets time pass until an instant; answers early if nothing is left to happen. */
  async runUntil(end: number): Promise<void> {
    await settle();
    for (let next = this.#next(); next !== null && next.at <= end; next = this.#next()) {
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next.id);
      next.fire();
      await settle();
    }
    this.#now = Math.max(this.#now, end);
  }

  #next(): { readonly id: number; readonly at: number; readonly fire: () => void } | null {
    let first: { id: number; at: number; fire: () => void } | null = null;
    for (const [id, timer] of this.#timers) if (first === null || timer.at < first.at) first = { id, ...timer };
    return first;
  }
}

/** Fakes answer after a turn of the event loop, so that what promises have left to do is done when it has come round a few times. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Numbers between 0 and 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
