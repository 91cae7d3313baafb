export interface Alert {
  /** Stable: the same alert sent twice has the same id. */
  readonly id: string;
  /** e.g. `Keyturn.Rotation.Completed`. */
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface AlertChannel {
  /** Stable: which channel still owes an alert is kept under it. */
  readonly name: string;
  /** Within a few seconds or not at all. */
  send(alert: Alert): Promise<void>;
}

/** Alerts that a channel has not taken yet. Delivery has retries of its own, so that no channel holds up a rotation. */
export interface AlertOutbox {
  /** Kept once for each channel; the same id again changes nothing. Not due before `dueAt` (absent: the alert's time). */
  put(alert: Alert, channels: readonly string[], dueAt?: Date): Promise<void>;
  /** Those whose next attempt is due, oldest first, and no more of any channel than `limitPerChannel`: one that is away must not hide another's. */
  due(now: Date, limitPerChannel: number): Promise<readonly OwedAlert[]>;
  delivered(owed: Pick<OwedAlert, 'channel'> & { readonly alert: Pick<Alert, 'id'> }): Promise<void>;
  failed(owed: OwedAlert, nextAttemptAt: Date): Promise<void>;
}

export interface OwedAlert {
  readonly alert: Alert;
  readonly channel: string;
  /** Failed attempts so far. */
  readonly attempts: number;
}
