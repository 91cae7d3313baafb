/** The clock's jumps over waiting, on and off. It jumps only while nobody has a reason against it. */
export class Travel {
  readonly #turn: (on: boolean) => Promise<void>;
  readonly #reasons = new Set<string>();
  #on = false;

  /** @param turn tells the local cloud; whatever jump is under way has been made once it resolves */
  constructor(turn: (on: boolean) => Promise<void>) {
    this.#turn = turn;
  }

  async begin(): Promise<void> {
    this.#on = true;
    await this.#turn(this.#reasons.size === 0);
  }

  /** Time passes at the machine's speed from here on, until the same reason is withdrawn. */
  async hold(reason: string): Promise<void> {
    if (this.#reasons.has(reason)) return;
    this.#reasons.add(reason);
    if (this.#on && this.#reasons.size === 1) await this.#turn(false);
  }

  async release(reason: string): Promise<void> {
    if (!this.#reasons.delete(reason)) return;
    if (this.#on && this.#reasons.size === 0) await this.#turn(true);
  }
}
