import type { Reason } from '../../contracts/rotation';

export type RawResource = { readonly [name: string]: unknown };

export interface LongRunningOperation {
  readonly url: string;
  readonly retryAfterSeconds: number;
}

export interface ResourceManager {
  /** The raw body, nothing dropped. Refuses `resource-not-found` on 404 unless `missing` is asked for. */
  get(id: string, apiVersion: string): Promise<RawResource>;
  /** Like get, but null on 404 (which just after a write does not mean gone). */
  find(id: string, apiVersion: string): Promise<RawResource | null>;
  /**
   * Full-replace PUT. Answers the operation to poll, or null if the service finished at once. Throws `PreconditionError`
   * on 412 and `FaultError` code `resource-busy` on 409.
   */
  put(id: string, apiVersion: string, body: RawResource, ifMatch: string | null): Promise<LongRunningOperation | null>;
  /** POST `<id>/<action>`, e.g. listkeys. The answer may hold secrets: it must not leave the activity's memory. */
  post(id: string, action: string, apiVersion: string): Promise<unknown>;
  /** State of a long-running operation. The URL must be of this ARM endpoint, else refused. */
  operation(url: string): Promise<{
    readonly status: 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled';
    /** `mayHeal` if the code says that the service, or what it needs, was away: the same write may succeed later. */
    readonly error: (Reason & { readonly mayHeal?: true }) | null;
    readonly retryAfterSeconds: number;
  }>;
  /**
   * Every row of an Azure Resource Graph query over these subscriptions (all pages). It shows what the caller may read and says
   * nothing of the rest, some minutes late.
   */
  query(subscriptions: readonly string[], query: string): Promise<readonly RawResource[]>;
  /** Every item of a list (all pages); path begins with `/` and carries its own query. */
  list(path: string): Promise<readonly RawResource[]>;
}
