import type { FaultRule } from '../kit';
import type { Wire } from './wire';

/** What can make a read fail: of a fault rule, the part that says where it strikes. */
type Cause = Pick<FaultRule, 'standIn' | 'principal'>;

interface Asked {
  readonly rule: Cause;
  /** Ends when it is said to, not when the local cloud lists it no longer. */
  readonly byHand?: true;
  readonly from: number;
  until: number | undefined;
}

/** What a failed read leaned on: a fault of one of these explains it. */
export interface Leaning {
  readonly standIns: readonly FaultRule['standIn'][];
  readonly principals: readonly string[];
}

/** The faults this run asked the local cloud for, and when each was in force: nothing else excuses a read that failed. */
export class AskedFaults {
  readonly #wire: Wire;
  readonly #address: string;
  readonly #asked = new Map<string, Asked>();

  /** @param control address of the local cloud's control server */
  constructor(wire: Wire, control: string) {
    this.#wire = wire;
    this.#address = `${control}/faults`;
  }

  async add(rule: FaultRule): Promise<string> {
    // On record before it can strike: a read may fail while the answer is still on its way.
    const id = rule.id ?? `asked-${this.#asked.size + 1}`;
    this.#asked.set(id, { rule, from: Date.now(), until: undefined });
    await this.#wire.ask(this.#address, { method: 'POST', body: { ...rule, id } });
    return id;
  }

  /** Something that was done on purpose and is no fault of the local cloud's, such as a role that was taken away. */
  begin(id: string, rule: Cause): void {
    this.#asked.set(id, { rule, from: Date.now(), until: undefined, byHand: true });
  }

  end(id: string): void {
    const asked = this.#asked.get(id);
    if (asked !== undefined) asked.until = Date.now();
  }

  /** Looks which of them are over; one that is is dated now, never earlier. */
  async refresh(): Promise<void> {
    const open = [...this.#asked].filter(([, asked]) => asked.until === undefined && asked.byHand !== true);
    if (open.length === 0) return;
    const listed = await this.#wire.ask<readonly FaultRule[] | { items: readonly FaultRule[] }>(this.#address);
    const inForce = new Set(('items' in listed ? listed.items : listed).map(({ id }) => id));
    for (const [id, asked] of open) if (!inForce.has(id)) asked.until = Date.now();
  }

  /** Whether a fault was in force at any moment between the two (machine time) that can make such a read fail. */
  explains(leaning: Leaning, from: number, to: number): boolean {
    return [...this.#asked.values()].some(
      ({ rule, ...asked }) =>
        asked.from <= to &&
        (asked.until ?? to) >= from &&
        leaning.standIns.includes(rule.standIn) &&
        (rule.principal === undefined || leaning.principals.includes(rule.principal)),
    );
  }
}
