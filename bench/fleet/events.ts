import { randomUUID } from 'node:crypto';

export type EventType = 'KeyNearExpiry' | 'KeyExpired' | 'KeyNewVersionCreated';

/** Versions that a KEK has at the beginning, of which nobody was told. */
const seededVersions = 2;

/** What is known of a KEK from outside. */
export interface Known {
  /** Unversioned identifier. */
  readonly key: string;
  /** Bare, oldest first. */
  readonly versions: readonly string[];
  /** The one that its targets stand on. */
  readonly inUse: string;
  /** Nothing runs under it. */
  readonly free: boolean;
}

/** Why one rotation has to be there. */
export interface Cause {
  readonly key: string;
  readonly type: EventType;
  readonly version: string;
}

/** An event as Event Grid delivers it (Azure's documentation, Event Grid schema for Key Vault). */
function keyEvent({ key, type, version }: Cause, now: number): object {
  const { hostname, pathname } = new URL(key);
  const name = pathname.split('/').at(-1) ?? '';
  return {
    id: randomUUID(),
    topic: '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v',
    subject: name,
    eventType: `Microsoft.KeyVault.${type}`,
    eventTime: new Date(now).toISOString(),
    dataVersion: '1',
    metadataVersion: '1',
    data: {
      ...{ Id: `${key}/${version}`, VaultName: hostname, ObjectType: 'Key', ObjectName: name, Version: version },
      ...{ NBF: null, EXP: null },
    },
  };
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One of them; undefined of none. */
export const oneOf = <T>(all: readonly T[], random: () => number): T | undefined =>
  all[Math.floor(random() * all.length)];

/**
 * Makes events of which it is known beforehand what has to come of them. Nearly all mean nothing: they came before, or tell of a
 * version that nothing stands on, or one no newer than that which is in use, or of a key that nobody configured, or are no events.
 */
export class EventMaker {
  readonly #random: () => number;
  readonly #sent: { readonly cause: Cause; readonly event: object }[] = [];
  readonly #seen = new Set<string>();
  #made = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /**
   * How many different things were told, whatever the ids of the events: the app keeps two rows of each, and starts one orchestration.
   * @param known at the end; of every version that was made meanwhile the vault has told
   */
  remembered(known: readonly Known[]): number {
    for (const { key, versions } of known) {
      for (const version of versions.slice(seededVersions)) this.told({ key, type: 'KeyNewVersionCreated', version });
    }
    return this.#seen.size;
  }

  /** Somebody else, the vault itself, has told of it. */
  told(cause: Cause): void {
    this.#seen.add(nameOf(cause));
  }

  /** Has to start a rotation of a KEK that is free. */
  starting({ key, inUse }: Known, now: number): { readonly cause: Cause; readonly event: object } {
    const unseen = (['KeyNearExpiry', 'KeyExpired'] as const).filter(
      (type) => !this.#seen.has(nameOf({ key, type, version: inUse })),
    );
    const type = oneOf(unseen, this.#random);
    if (type === undefined) throw new Error(`every event of ${inUse} in use has been sent`);
    const cause = { key, type, version: inUse };
    return { cause, event: this.#send(cause, now) };
  }

  /** Has to start nothing, whenever it comes. */
  idle(known: readonly Known[], now: number): object {
    const kinds = [this.#again, this.#twin, this.#old, this.#old, this.#stale, this.#foreign];
    for (;;) {
      const event = oneOf(kinds, this.#random)?.call(this, known, now);
      if (event !== undefined) return event;
    }
  }

  /** The very event once more. */
  #again(): object | undefined {
    return oneOf(this.#sent, this.#random)?.event;
  }

  /** The same said by an event of another id. */
  #twin(_: readonly Known[], now: number): object | undefined {
    const told = oneOf(this.#sent, this.#random);
    return told && keyEvent(told.cause, now);
  }

  /** Expiry of a version that nothing stands on any more. */
  #old(known: readonly Known[], now: number): object | undefined {
    const of = oneOf(known, this.#random);
    const version = of && oneOf(of.versions.slice(0, of.versions.indexOf(of.inUse)), this.#random);
    if (of === undefined || version === undefined) return undefined;
    const type = this.#random() < 0.5 ? 'KeyNearExpiry' : 'KeyExpired';
    return this.#send({ key: of.key, type, version }, now);
  }

  /** News of a version that is in use already, or older than that. */
  #stale(known: readonly Known[], now: number): object | undefined {
    const of = oneOf(known, this.#random);
    const version = of && oneOf(of.versions.slice(0, of.versions.indexOf(of.inUse) + 1), this.#random);
    if (of === undefined || version === undefined) return undefined;
    return this.#send({ key: of.key, type: 'KeyNewVersionCreated', version }, now);
  }

  /** Of somebody else's key, or nothing that could be an event. */
  #foreign(known: readonly Known[], now: number): object | undefined {
    const [first] = known;
    if (first === undefined) return undefined;
    this.#made += 1;
    if (this.#made % 2 === 0) return { id: `garbled-${this.#made}`, data: 'nothing that could be read' };
    const key = first.key.replace(/[^/]+$/, 'nobody-configured-it');
    return keyEvent({ key, type: 'KeyExpired', version: first.inUse }, now);
  }

  #send(cause: Cause, now: number): object {
    const event = keyEvent(cause, now);
    this.#sent.push({ cause, event });
    this.told(cause);
    return event;
  }
}

const nameOf = ({ key, type, version }: Cause): string => `${type} ${key}/${version}`;
