import { setTimeout as delay } from 'node:timers/promises';
import { type AuditRecord, hasEnded, type Page, type Rotation } from './contract';
import type { ReadCounts } from './readers';
import type { Screen } from './screen';
import { span } from './spans';
import type { Finding, RunView } from './view';
import type { Wire } from './wire';

const LOOK_EVERY_MILLISECONDS = 100;
/** Smaller ones are the everyday steps over the pauses between two polls; they show in the sandbox's own time. */
const TOLD_JUMP_MILLISECONDS = 5 * 60_000;

/** The rotation did not get where it had to in time, or something on the way is not as it must be. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
}

export interface Watched {
  readonly wire: Wire;
  /** Address of the app. */
  readonly app: string;
  /** Unversioned identifier of the KEK. */
  readonly key: string;
  readonly screen: Screen;
  readonly reads: ReadCounts;
  /** How far the sandbox's clock is ahead of the machine's, in milliseconds. */
  offset(): Promise<number>;
  readonly signal: AbortSignal;
}

/** Looks at the app from outside, over its API, all through the run; everything the screen shows comes from here. */
export class Watch {
  readonly #watched: Watched;
  readonly #began = Date.now();
  readonly #waiting = new Set<() => void>();
  #rotationId: string | undefined;
  #rotation: Rotation | null = null;
  #findings: Finding[] = [];
  #seenFrom = 0;
  #offset: number;
  readonly #firstOffset: number;
  #jumped = 0;
  #done: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  /** @param offset of the sandbox's clock now */
  constructor(watched: Watched, offset: number) {
    this.#watched = watched;
    this.#offset = offset;
    this.#firstOffset = offset;
  }

  get view(): RunView {
    const wall = Date.now() - this.#began;
    return {
      rotation: this.#rotation,
      findings: this.#findings,
      reads: { ...this.#watched.reads },
      wall,
      virtual: wall + this.#offset - this.#firstOffset,
    };
  }

  start(): void {
    this.#done = this.#run();
  }

  /** One last look, then no more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  /**
   * Waits until a look at the newest rotation of the key satisfies `wanted`.
   *
   * @param what ends the sentence "waited 60 s for …"
   * @throws ScenarioError after `seconds` of machine time
   */
  async until(what: string, wanted: (rotation: Rotation) => boolean, seconds: number): Promise<Rotation> {
    const { signal } = this.#watched;
    const late = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
    while (this.#rotation === null || !wanted(this.#rotation)) {
      if (signal.aborted) throw signal.reason;
      if (late.aborted) throw new ScenarioError(`waited ${seconds} s for ${what}; the rotation is ${this.#standing()}`);
      await this.#nextLook(late);
    }
    return this.#rotation;
  }

  /** Says that the rotation's story goes on in another one, e.g. a second start. */
  follow(rotationId: string): void {
    if (this.#rotationId === rotationId) return;
    this.#rotationId = rotationId;
    this.#rotation = null;
    this.#findings = [];
    this.#seenFrom = 0;
  }

  async #run(): Promise<void> {
    const both = AbortSignal.any([this.#stop.signal, this.#watched.signal]);
    while (!both.aborted) {
      await this.#look();
      await delay(LOOK_EVERY_MILLISECONDS, undefined, { signal: both }).catch(() => {});
    }
    if (!this.#watched.signal.aborted) await this.#look();
  }

  /** A look that fails changes nothing: the app may be down because somebody killed it on purpose. */
  async #look(): Promise<void> {
    try {
      await this.#lookAtClock();
      const rotation = await this.#newest();
      if (rotation !== null) await this.#take(rotation);
    } catch {
      // `until` has the deadline, and a child that ends by itself is noticed by whoever started it.
    }
    this.#watched.screen.show(this.view);
    for (const wake of [...this.#waiting]) wake();
  }

  async #take(rotation: Rotation): Promise<void> {
    if (rotation.rotationId !== this.#rotationId) return;
    const before = this.#rotation;
    if (before === null) this.#jumped = 0;
    else if (before.phase !== rotation.phase || before.waitingFor !== rotation.waitingFor) this.#tellJump(before);
    const moved = JSON.stringify(before) !== JSON.stringify(rotation);
    if (moved) await this.#lookAtHistory(rotation.rotationId);
    // What came of a rotation that is not followed any more would look like the end of the one that is.
    if (rotation.rotationId !== this.#rotationId) return;
    this.#rotation = rotation;
  }

  async #newest(): Promise<Rotation | null> {
    const { wire, app, key } = this.#watched;
    if (this.#rotationId !== undefined) return wire.ask<Rotation>(`${app}/api/rotations/${this.#rotationId}`);
    const list = await wire.ask<Page<Rotation>>(`${app}/api/rotations?key=${encodeURIComponent(key)}&limit=1`);
    const newest = list.items[0] ?? null;
    // Somebody may have said meanwhile which one to follow.
    this.#rotationId ??= newest?.rotationId;
    return newest;
  }

  async #lookAtHistory(rotationId: string): Promise<void> {
    const { wire, app } = this.#watched;
    let continuation: string | null = null;
    do {
      const query = continuation === null ? '' : `?continuation=${encodeURIComponent(continuation)}`;
      const page: Page<AuditRecord> = await wire.ask(`${app}/api/rotations/${rotationId}/audit${query}`);
      for (const record of page.items) this.#takeRecord(record);
      continuation = page.continuation;
    } while (continuation !== null);
  }

  #takeRecord(record: AuditRecord): void {
    if (record.sequence <= this.#seenFrom) return;
    this.#seenFrom = record.sequence;
    if (!record.action.startsWith('verify') || record.target === null) return;
    this.#findings = [...this.#findings, { target: record.target, message: record.message }];
  }

  async #lookAtClock(): Promise<void> {
    const offset = await this.#watched.offset();
    this.#jumped += offset - this.#offset;
    this.#offset = offset;
    if (this.#rotation !== null && hasEnded(this.#rotation)) this.#jumped = 0;
  }

  /** Jumps are told once a phase, or a wait within it, is over: a soak is one story, not a line for each of its probes. */
  #tellJump(rotation: Rotation): void {
    if (this.#jumped >= TOLD_JUMP_MILLISECONDS) {
      this.#watched.screen.say('clock', `the sandbox's clock jumped ${span(this.#jumped)} ahead${whither(rotation)}`);
    }
    this.#jumped = 0;
  }

  #nextLook(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  #standing(): string {
    if (this.#rotation === null) return 'not there yet';
    const { phase, waitingFor, reasons } = this.#rotation;
    const why = reasons.at(-1)?.message;
    return `${phase}${waitingFor === null ? '' : `, waiting for ${waitingFor}`}${why === undefined ? '' : ` (${why})`}`;
  }
}

function whither({ phase, waitingFor }: Rotation): string {
  if (phase === 'soaking') return ' to the end of the soak, from probe to probe';
  if (waitingFor === 'fault') return ', from try to try, to the end of the fault';
  if (phase === 'rewrapping' || phase === 'rolling-back') return ' while the services worked';
  return '';
}
