import { createHash, randomUUID } from 'node:crypto';
import type { SandboxClock } from './clock';

export type StandInName = 'keyVault' | 'arm' | 'iotHub' | 'dps' | 'eventGrid' | 'alertTopic' | 'token' | 'logAnalytics';

export type FaultEffect =
  | { kind: 'status'; status: number; body?: unknown; headers?: Record<string, string> }
  /** Machine time: the answer comes later, by the real clock. */
  | { kind: 'latency'; milliseconds: number }
  | { kind: 'reset' }
  /** An unwrap answers another, well-formed key; the same wrong one for the same blob. */
  | { kind: 'wrongBytes' }
  /** Does the work, then cuts the connection. */
  | { kind: 'lostAnswer' }
  /** A long-running operation is accepted and then fails. */
  | { kind: 'operationFails'; code: string; message: string };

/** A fault that somebody asked for. Every condition that is given must hold; what is left out matches anything. */
export interface FaultRule {
  id?: string;
  standIn: StandInName;
  /** The vault's, hub's or DPS's name. */
  name?: string;
  method?: string;
  /** Regular expression, tried on path and query. */
  path?: string;
  /** E.g. `unwrapKey`, `createKey`, `putHub`, `putDps`, `hubOperation`. */
  operation?: string;
  /** Principal id, or the identity's name. */
  principal?: string;
  /** How often it strikes, then it is gone; for ever if left out. */
  times?: number;
  /** How many matching requests pass before it strikes first. */
  skip?: number;
  /**
   * Strikes this share of the matching requests (0.05: one in twenty), at places that `seed` chooses, and never two that follow
   * closely: they are at least half of `1 / share` apart.
   */
  share?: number;
  /** Any whole number; 0 if left out. */
  seed?: number;
  /** Strikes each blob that is to be unwrapped once at most, however often it is sent. */
  oncePerBlob?: boolean;
  /** Virtual time of its end: an outage. Its end pulls the clock. */
  untilMilliseconds?: number;
  effect: FaultEffect;
}

export interface FaultedRequest {
  standIn: string;
  name?: string;
  method: string;
  path: string;
  operation?: string;
  /** Principal id and identity name, whichever are known. */
  principals?: string[];
  principal?: string;
  /** Tells blobs apart. */
  digest?: string;
  /** True for a request without credentials: it meets an outage, but uses up no counted fault, which is meant for real work. */
  uncounted?: boolean;
}

interface Entry {
  rule: FaultRule;
  skipped: number;
  struck: number;
  /** Matching requests that a rule with a share has met. */
  met: number;
  /** Digests of the blobs that a rule has struck which strikes each once. */
  blobs: Set<string>;
  end: { cancel(): void } | undefined;
}

/** The faults in force. The first rule that matches, in the order of their arrival, strikes. */
export class FaultBook {
  readonly #clock: SandboxClock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: SandboxClock) {
    this.#clock = clock;
  }

  /** @returns the rule's id. @throws SyntaxError if `path` is no regular expression. */
  add(rule: FaultRule): string {
    if (rule.path !== undefined) new RegExp(rule.path);
    const id = rule.id ?? randomUUID();
    this.remove(id);
    const end =
      rule.untilMilliseconds === undefined
        ? undefined
        : this.#clock.schedule(rule.untilMilliseconds, true, () => this.remove(id));
    this.#entries.set(id, { rule: { ...rule, id }, skipped: 0, struck: 0, met: 0, blobs: new Set(), end });
    return id;
  }

  remove(id: string): void {
    this.#entries.get(id)?.end?.cancel();
    this.#entries.delete(id);
  }

  clear(): void {
    for (const id of [...this.#entries.keys()]) this.remove(id);
  }

  list(): FaultRule[] {
    return [...this.#entries.values()].map((entry) => entry.rule);
  }

  /** How often a rule has struck; undefined once it is gone. */
  struck(id: string): number | undefined {
    return this.#entries.get(id)?.struck;
  }

  /** The rule that strikes this request, counted as having struck; undefined if none does. */
  take(request: FaultedRequest): FaultRule | undefined {
    for (const [id, entry] of this.#entries) {
      const { times, skip, share } = entry.rule;
      const counted = times !== undefined || skip !== undefined || share !== undefined;
      if (!matches(entry.rule, request) || (counted && request.uncounted === true)) continue;
      if (entry.skipped < (entry.rule.skip ?? 0)) {
        entry.skipped += 1;
        continue;
      }
      if (share !== undefined && !isChosen(entry.met++, share, entry.rule.seed ?? 0)) continue;
      if (entry.rule.oncePerBlob === true && request.digest !== undefined) {
        if (entry.blobs.has(request.digest)) continue;
        entry.blobs.add(request.digest);
      }
      entry.struck += 1;
      if (entry.rule.times !== undefined && entry.struck >= entry.rule.times) this.remove(id);
      return entry.rule;
    }
    return undefined;
  }
}

/** One request of each block of `1 / share`, somewhere in its first half: the same for the same seed. */
function isChosen(index: number, share: number, seed: number): boolean {
  const block = Math.max(1, Math.round(1 / share));
  const digest = createHash('sha256')
    .update(`${seed} ${Math.floor(index / block)}`)
    .digest();
  return index % block === digest.readUInt32BE(0) % Math.ceil(block / 2);
}

function matches(rule: FaultRule, request: FaultedRequest): boolean {
  const principals = [request.principal, ...(request.principals ?? [])];
  return (
    rule.standIn === request.standIn &&
    (rule.name === undefined || rule.name === request.name) &&
    (rule.method === undefined || rule.method.toUpperCase() === request.method.toUpperCase()) &&
    (rule.operation === undefined || rule.operation === request.operation) &&
    (rule.principal === undefined || principals.includes(rule.principal)) &&
    (rule.path === undefined || new RegExp(rule.path).test(request.path))
  );
}
