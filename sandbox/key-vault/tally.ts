/** What a vault has counted since it was last told to begin anew. Times are virtual milliseconds. */
export interface Counted {
  /** How many requests, by `operation status`. */
  readonly requests: Record<string, number>;
  /** When the first unwrap was answered with a key and when the last; null if none was. */
  readonly firstUnwrap: number | null;
  readonly lastUnwrap: number | null;
  /** When each hundredth unwrap was answered with a key. */
  readonly eachHundredth: readonly number[];
  /** How often each blob was opened, by `version beginning-of-the-blob`; empty unless blobs were asked for. */
  readonly opened: Record<string, number>;
}

/** Bytes of a blob by which it is known again; of what RSA made they are as good as random. */
const BEGINNING = 12;

/**
 * Counts for whoever measures: the log of operations forgets, and never says which blob it was. Not a part of Key Vault's contract;
 * asked for over the control server.
 */
export class Tally {
  readonly #requests = new Map<string, number>();
  readonly #opened = new Map<string, number>();
  #withBlobs = false;
  #unwraps = 0;
  #first: number | null = null;
  #last: number | null = null;
  #eachHundredth: number[] = [];

  /** @param withBlobs also remembers which blobs were opened: some 100 bytes of memory each */
  begin(withBlobs: boolean): void {
    this.#withBlobs = withBlobs;
    this.#requests.clear();
    this.#opened.clear();
    this.#unwraps = 0;
    this.#first = null;
    this.#last = null;
    this.#eachHundredth = [];
  }

  note(operation: string, status: number): void {
    const name = `${operation} ${status}`;
    this.#requests.set(name, (this.#requests.get(name) ?? 0) + 1);
  }

  noteOpened(version: string, blob: Buffer, now: number): void {
    this.#unwraps += 1;
    this.#first ??= now;
    this.#last = now;
    if (this.#unwraps % 100 === 0) this.#eachHundredth.push(now);
    if (!this.#withBlobs) return;
    const name = `${version} ${blob.toString('base64url', 0, BEGINNING)}`;
    this.#opened.set(name, (this.#opened.get(name) ?? 0) + 1);
  }

  read(): Counted {
    return {
      requests: Object.fromEntries(this.#requests),
      firstUnwrap: this.#first,
      lastUnwrap: this.#last,
      eachHundredth: this.#eachHundredth,
      opened: Object.fromEntries(this.#opened),
    };
  }
}
