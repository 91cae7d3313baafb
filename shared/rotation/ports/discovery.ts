import type { TargetKind } from '../../contracts/rotation';

/** A hub or DPS that was found by looking, whether the configuration names it or not. */
export interface FoundResource {
  readonly kind: Exclude<TargetKind, 'dataKeys'>;
  /** Its ARM resource id. */
  readonly resourceId: string;
  /** Every key identifier that it names, of whatever vault, versioned or not; empty where none is shown. */
  readonly keyIdentifiers: readonly string[];
  /** An operation runs on it, so that it may be on its way to another key than it shows. */
  readonly underWay?: true;
}

/** A subscription that could not be looked through as a whole: what was found in it may not be all. */
export interface UnreadSubscription {
  readonly subscription: string;
  readonly message: string;
}

export interface Discovered {
  readonly resources: readonly FoundResource[];
  readonly unread: readonly UnreadSubscription[];
}

/** A change of a resource, as Azure Resource Graph remembers it (for two weeks at most). */
export interface ResourceChange {
  readonly at: string;
  /** Application id or address of whoever made it; null if Azure does not say. */
  readonly by: string | null;
  /** What it was made with, e.g. `ARM Template` or `Azure Portal`; null if Azure does not say. */
  readonly client: string | null;
  readonly correlationId: string | null;
  /** Whether it is said to have changed the key reference; if not, it is only the latest change of the resource. */
  readonly ofKey: boolean;
}

export interface Discovery {
  /** Every hub and DPS of the configured subscriptions. What cannot be read is said in `unread`, never thrown. */
  find(): Promise<Discovered>;
  /** The latest known change of a hub or DPS after an instant; null if none is known. */
  lastChange(resourceId: string, since: Date): Promise<ResourceChange | null>;
}
