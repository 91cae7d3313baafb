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

/** One record as it was read, and what is to stand there instead. */
export interface DataKeyWrite {
  readonly record: WrappedDataKey;
  readonly change: DataKeyChange;
}

/**
 * What became of one write of a batch. `not-written`: nothing is wrong with this record, but it went back together with another
 * one that had changed; it may be written again.
 */
export type DataKeyWritten = 'written' | 'changed-meanwhile' | 'gone' | 'not-written';

export interface DataKeyStore {
  /** At most `size` records (1 to `mostInPage` of store-limits), in an order that stays. */
  page(continuation: string | null, size: number): Promise<Page<WrappedDataKey>>;
  /** The same records; of each only the key identifier that it names, as stored. */
  kids(continuation: string | null, size: number): Promise<Page<string>>;
  read(id: WrappedDataKey['id']): Promise<WrappedDataKey | null>;
  /**
   * Writes at most `mostInBatch` records, each on condition of its ETag; only the five columns of ours change. Answers one result
   * for each, in their order. Where this throws, any of them may have been written: reading again tells.
   */
  replace(writes: readonly DataKeyWrite[]): Promise<readonly DataKeyWritten[]>;
}
