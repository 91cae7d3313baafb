import type { Page } from '../../contracts/rotation';

export interface WrappedDataKey {
  /** Opaque to the rules: names the record in its store. */
  readonly id: { readonly partitionKey: string; readonly rowKey: string };
  readonly etag: string;
  /** As stored; a record may be garbled, so nothing here is trusted before it is checked. */
  readonly kid: string;
  readonly alg: string;
  readonly blob: string;
  readonly check: string | null;
  /** JSON `{kid, alg, blob}` of the blob that ours replaced; null if there is none. */
  readonly previous: string | null;
}

export type DataKeyChange = Pick<WrappedDataKey, 'kid' | 'alg' | 'blob' | 'check' | 'previous'>;

export interface DataKeyStore {
  page(continuation: string | null, size: number): Promise<Page<WrappedDataKey>>;
  read(id: WrappedDataKey['id']): Promise<WrappedDataKey | null>;
  /** Conditional on the record's ETag; only the five columns of ours change (merge). */
  replace(record: WrappedDataKey, change: DataKeyChange): Promise<'written' | 'changed-meanwhile' | 'gone'>;
}
