import type { SandboxClock } from '../kit';
import { currentVersion, type Key, policyOf } from './key';
import { nearExpiryDue, rotateDue } from './rotation-policy';

export interface CalendarActions {
  rotateIfDue(key: Key): Promise<void>;
  tellNearExpiry(key: Key): void;
  tellExpired(key: Key): void;
  purge(key: Key): void;
}

/**
 * What a vault does by itself when the time comes: rotate by policy, tell that the current version is near expiry or expired, purge.
 * None of it pulls the clock: months may lie before it, and a rotation under test must not be dragged through them.
 */
export class Calendar {
  readonly #clock: SandboxClock;
  readonly #actions: CalendarActions;
  readonly #entries = new Map<string, { cancel(): void }[]>();

  constructor(clock: SandboxClock, actions: CalendarActions) {
    this.#clock = clock;
    this.#actions = actions;
  }

  /** Reads a key's dates again; to be called after every change of the key. */
  refresh(key: Key): void {
    this.forget(key);
    const entries: { cancel(): void }[] = [];
    const add = (due: number | undefined, run: () => void | Promise<void>): void => {
      if (due !== undefined) entries.push(this.#clock.schedule(due, false, run));
    };
    if (key.deleted !== undefined) {
      add(key.deleted.purgeOn * 1000, () => this.#actions.purge(key));
    } else {
      const version = currentVersion(key);
      add(rotateDue(policyOf(key), version), () => this.#actions.rotateIfDue(key));
      if (!version.nearExpiryTold) add(nearExpiryDue(policyOf(key), version), () => this.#actions.tellNearExpiry(key));
      if (!version.expiredTold && version.exp !== undefined)
        add(version.exp * 1000, () => this.#actions.tellExpired(key));
    }
    this.#entries.set(key.name, entries);
  }

  forget(key: Key): void {
    for (const entry of this.#entries.get(key.name) ?? []) entry.cancel();
    this.#entries.delete(key.name);
  }
}
