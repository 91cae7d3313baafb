/** What is due on the virtual clock. Instants in milliseconds. */
interface Due {
  readonly at: number;
  readonly run: () => void;
  /** Whether waiting for it keeps a simulation going; what comes again and again for ever does not. */
  readonly matters: boolean;
}

/** The virtual clock, and everything that is to happen on it. It stands still while something is under way, and jumps to what is due next. */
export class Agenda {
  readonly #due: Due[] = [];
  #now: number;

  constructor(startsAt: number) {
    this.#now = startsAt;
  }

  get now(): number {
    return this.#now;
  }

  /** Whether anything is due that will not come again for ever. */
  get hasBusiness(): boolean {
    return this.#due.some(({ matters }) => matters);
  }

  /** Time goes by under what is under way. */
  pass(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** @returns what takes it off the agenda */
  at(instant: number, run: () => void, { matters = true }: { readonly matters?: boolean } = {}): () => void {
    const due = { at: instant, run, matters };
    let low = 0;
    let high = this.#due.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#due[middle] as Due).at <= instant) low = middle + 1;
      else high = middle;
    }
    this.#due.splice(low, 0, due);
    return () => {
      const index = this.#due.indexOf(due);
      if (index >= 0) this.#due.splice(index, 1);
    };
  }

  in(milliseconds: number, run: () => void, options?: { readonly matters?: boolean }): () => void {
    return this.at(this.#now + milliseconds, run, options);
  }

  /** When the next thing is due; infinite if nothing is. */
  get next(): number {
    return this.#due[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Jumps to what is due next, and does it. @returns false if nothing is */
  jump(): boolean {
    const due = this.#due.shift();
    if (due === undefined) return false;
    this.#now = Math.max(this.#now, due.at);
    due.run();
    return true;
  }
}
