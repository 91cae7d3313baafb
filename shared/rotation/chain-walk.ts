import type { HistoryFault } from '../contracts/history';
import { genesisHash, hashOf, linkOf } from './audit-chain';
import type { AuditRecord, ChainHead } from './ports';

export interface Flaw {
  readonly sequence: number;
  readonly fault: HistoryFault;
  readonly message: string;
}

/** A hash that somebody vouched for at a place of the chain, and who, as the sentence about it says. */
export interface Mark {
  readonly hash: string;
  readonly vouchedBy: string;
}

export interface ChainMarks {
  /** By sequence number. */
  readonly at: ReadonlyMap<number, readonly Mark[]>;
  /** The newest place that is vouched for; 0 if none is. */
  readonly newest: number;
}

/** Checks the records of one chain, given oldest first, until the first that does not hold. Keeps no record. */
export class ChainWalk {
  readonly chain: number;
  readonly #key: string | undefined;
  /** Null where none is known: an export of another tool. */
  readonly #head: ChainHead | null;
  readonly #marks: ChainMarks;
  #last: ChainHead | null;
  #gapAt: number | null = null;
  #vouchedTo = 0;
  #flaw: Flaw | null = null;
  #begins: AuditRecord | null = null;
  #unsealedSince: string | null = null;

  /** @param after where the walk begins; null for the beginning of the chain */
  constructor(
    chain: number,
    given: { key: string | undefined; head: ChainHead | null; marks: ChainMarks; after?: ChainHead | null },
  ) {
    this.chain = chain;
    this.#key = given.key;
    this.#head = given.head;
    this.#marks = given.marks;
    this.#last = given.after ?? null;
  }

  /** The last record that held; null if none did. */
  get last(): ChainHead | null {
    return this.#last;
  }

  get flaw(): Flaw | null {
    return this.#flaw;
  }

  /** How far what was read is vouched for. */
  get vouchedTo(): number {
    return this.#vouchedTo;
  }

  /** When the first record after that was told; null if there is none. */
  get unsealedSince(): string | null {
    return this.#unsealedSince;
  }

  /** The record that says why this chain began; null for the first chain. */
  get begins(): AuditRecord | null {
    return this.#begins;
  }

  take(record: AuditRecord): void {
    if (this.#flaw !== null) {
      // What stands further on tells whether the missing one was removed or moved.
      if (record.sequence === this.#gapAt) this.#flaw = { ...this.#flaw, fault: 'reordered' };
      return;
    }
    this.#flaw = this.#flawOf(record);
    if (this.#flaw !== null) return;
    if (record.sequence === 1 && this.chain > 1) this.#begins = record;
    if (this.#marks.at.has(record.sequence)) this.#vouchedTo = record.sequence;
    if (record.sequence > this.#marks.newest) this.#unsealedSince ??= record.at;
    this.#last = { chain: this.chain, sequence: record.sequence, hash: record.hash };
  }

  /** After the last record: what should have followed. */
  end(): void {
    if (this.#flaw !== null) return;
    const held = this.#last?.sequence ?? 0;
    const named = this.#head?.sequence ?? 0;
    const newest = Math.max(named, this.#marks.newest);
    if (newest <= held) return;
    const by = named === newest ? 'the head' : (this.#marks.at.get(newest)?.[0]?.vouchedBy ?? 'a signed head');
    const message = `Records ${held + 1} to ${newest} are missing: ${by} names ${newest}, the end was cut off.`;
    this.#flaw = { sequence: held + 1, fault: 'cut-off', message };
  }

  #flawOf(record: AuditRecord): Flaw | null {
    const expected = (this.#last?.sequence ?? 0) + 1;
    const { sequence } = record;
    const flaw = (fault: HistoryFault, message: string): Flaw => ({ sequence: expected, fault, message });
    if (hashOf(record) !== record.hash || record.chain !== this.chain) {
      return flaw('edited', `Record ${expected} was edited: its content does not give its hash.`);
    }
    if (sequence > expected) {
      this.#gapAt = expected;
      const place = `Record ${expected} is not where it belongs: record ${sequence} stands there`;
      return flaw('removed', `${place}; it was removed or moved.`);
    }
    if (sequence < expected) {
      const place = `Record ${sequence} stands where record ${expected} belongs`;
      return flaw('reordered', `${place}: the order was changed, or it was copied.`);
    }
    if (record.previousHash !== (this.#last?.hash ?? this.#link(record))) {
      return flaw('forged', `Record ${expected} does not follow from the one before it: one of the two was replaced.`);
    }
    if (this.#key !== undefined && record.key !== this.#key) {
      return flaw('forged', `Record ${expected} was written for another key.`);
    }
    return this.#contradicted(record) ?? this.#beyond(record);
  }

  /** What the first record must follow. Null, which no record names, for one that does not say why a later chain began. */
  #link(record: AuditRecord): string | null {
    return this.chain === 1 ? genesisHash : linkOf(record);
  }

  /** Everything fits, and yet somebody who cannot be overruled saw another record here. */
  #contradicted({ sequence, hash }: AuditRecord): Flaw | null {
    const mark = this.#marks.at.get(sequence)?.find((each) => each.hash !== hash);
    if (mark === undefined) return null;
    const from = this.#vouchedTo + 1;
    const range = from === sequence ? `record ${sequence}` : `one of the records ${from} to ${sequence}`;
    const message = `Record ${sequence} is not the one that ${mark.vouchedBy} names: ${range} was rewritten, and what follows hashed again.`;
    return { sequence: from, fault: 'forged', message };
  }

  /** The head is written in one transaction with its record: what goes past it was not written by the log. */
  #beyond({ sequence, hash }: AuditRecord): Flaw | null {
    const head = this.#head;
    if (head === null || sequence > head.sequence) {
      const message = `Record ${sequence} goes past the head, which names ${head?.sequence ?? 'no record'}.`;
      return { sequence, fault: 'forged', message };
    }
    if (sequence === head.sequence && hash !== head.hash) {
      const message = `Record ${sequence} is not the one that the head names: it was replaced.`;
      return { sequence, fault: 'forged', message };
    }
    return null;
  }
}
