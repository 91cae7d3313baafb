import type { CloudContext } from '../kit';
import { identify, inSchema, type Outgoing } from './event-schemas';
import { type DeliveryModes, defaultDeliveryModes } from './modes';
import { afterAttempt } from './retry-schedule';
import { type EventSubscription, wants } from './subscription';
import type { WebhookClient } from './webhook';

const holdForReorderMilliseconds = 30_000;
const duplicateAfterMilliseconds = 5_000;

/** One attempt, as `GET /deliveries` lists it. Times are virtual. */
export interface DeliveryRecord {
  at: string;
  subscription: string;
  eventIds: string[];
  eventTypes: string[];
  /** 1 for the first attempt. */
  attempt: number;
  /** Status the web hook answered; 0 = no answer; null = dropped by a mode before any attempt. */
  status: number | null;
  outcome: 'delivered' | 'retry' | 'deadLetter' | 'dropped';
}

/** An undelivered event with what Azure writes beside it into the dead-letter blob. */
export interface DeadLetter {
  subscription: string;
  event: unknown;
  deadLetterReason: string;
  deliveryAttempts: number;
  lastDeliveryOutcome: string;
  publishTime: string;
  lastDeliveryAttemptTime: string;
}

interface Batch {
  subscription: EventSubscription;
  events: Outgoing[];
  published: number;
  attempts: number;
}

/** At-least-once delivery with Azure's back-off on the virtual clock. Retries pull the clock: an outage must not need a day of machine time. */
export class DeliveryEngine {
  readonly subscriptions = new Map<string, EventSubscription>();
  readonly deliveries: DeliveryRecord[] = [];
  readonly deadLetters: DeadLetter[] = [];
  readonly modes: DeliveryModes = { ...defaultDeliveryModes };
  readonly #context: CloudContext;
  readonly #webhook: WebhookClient;
  #held: Outgoing[] = [];
  #stopped = false;

  constructor(context: CloudContext, webhook: WebhookClient) {
    this.#context = context;
    this.#webhook = webhook;
  }

  /** Takes an event from a publisher; the modes decide whether it is dropped, held back or sent on at once. */
  accept(outgoing: Outgoing): void {
    if (this.#drops(outgoing)) return;
    if (!this.modes.outOfOrder) {
      void this.deliver([outgoing]);
      return;
    }
    this.#held.push(outgoing);
    if (this.#held.length > 1) return;
    const due = this.#context.clock.nowMilliseconds() + holdForReorderMilliseconds;
    this.#context.clock.schedule(due, true, () => this.#releaseReversed());
  }

  /** Delivers to every subscription that wants it; resolves after the first attempts. */
  async deliver(events: Outgoing[], only?: string): Promise<void> {
    const published = this.#context.clock.nowMilliseconds();
    const attempts: Promise<void>[] = [];
    for (const subscription of this.subscriptions.values()) {
      if (only !== undefined && subscription.name !== only) continue;
      const wanted = events.filter((event) => event.kind === 'asGiven' || wants(subscription, identify(event)));
      for (let from = 0; from < wanted.length; from += subscription.maxEventsPerBatch) {
        const batch = wanted.slice(from, from + subscription.maxEventsPerBatch);
        attempts.push(this.#attempt({ subscription, events: batch, published, attempts: 0 }));
      }
    }
    await Promise.all(attempts);
  }

  stop(): void {
    this.#stopped = true;
  }

  async #releaseReversed(): Promise<void> {
    const newestFirst = this.#held.reverse();
    this.#held = [];
    for (const outgoing of newestFirst) await this.deliver([outgoing]);
  }

  #drops(outgoing: Outgoing): boolean {
    const { drop } = this.modes;
    if (drop === false || drop === 0) return false;
    if (typeof drop === 'number') this.modes.drop = drop - 1;
    const { id, type } = identify(outgoing);
    const at = this.#context.clock.now().toISOString();
    this.deliveries.push({
      at,
      subscription: '',
      eventIds: [id],
      eventTypes: [type],
      attempt: 0,
      status: null,
      outcome: 'dropped',
    });
    return true;
  }

  async #attempt(batch: Batch): Promise<void> {
    if (this.#stopped) return;
    const leave = this.#context.flight.enter();
    try {
      batch.attempts += 1;
      this.#conclude(batch, await this.#send(batch));
    } finally {
      leave();
    }
  }

  /** The status the web hook answered. A fault asked for stands between the engine and the web hook. */
  async #send(batch: Batch): Promise<number> {
    const { name, endpoint, schema } = batch.subscription;
    const fault = this.#context.faults.take({
      standIn: 'eventGrid',
      name,
      method: 'POST',
      path: endpoint,
      operation: 'deliver',
    });
    if (fault?.effect.kind === 'status') return fault.effect.status;
    if (fault?.effect.kind === 'reset') return 0;
    const payloads = batch.events.map((event) => inSchema(event, schema));
    const answer = await this.#webhook.deliver({ name, endpoint, schema }, payloads, batch.attempts);
    return fault?.effect.kind === 'lostAnswer' ? 0 : answer.status;
  }

  #conclude(batch: Batch, status: number): void {
    const now = this.#context.clock.nowMilliseconds();
    const { retryPolicy } = batch.subscription;
    const verdict = afterAttempt(batch.attempts, status, { published: batch.published, now }, retryPolicy);
    this.#record(batch, status, verdict.next);
    if (verdict.next === 'retry') {
      this.#context.clock.schedule(verdict.dueMilliseconds, true, () => this.#attempt(batch));
    } else if (verdict.next === 'deadLetter') {
      this.#bury(batch, status, verdict.reason);
    } else if (batch.attempts <= this.modes.duplicate) {
      // A delivery that went well and comes again: Azure does this when the answer came after more than 30 s.
      this.#context.clock.schedule(now + duplicateAfterMilliseconds, true, () => this.#attempt(batch));
    }
  }

  #record(batch: Batch, status: number, outcome: DeliveryRecord['outcome']): void {
    const known = batch.events.map(identify);
    this.deliveries.push({
      at: this.#context.clock.now().toISOString(),
      subscription: batch.subscription.name,
      eventIds: known.map((event) => event.id),
      eventTypes: known.map((event) => event.type),
      attempt: batch.attempts,
      status,
      outcome,
    });
  }

  #bury(batch: Batch, status: number, reason: string): void {
    const now = this.#context.clock.now().toISOString();
    for (const event of batch.events) {
      this.deadLetters.push({
        subscription: batch.subscription.name,
        event: inSchema(event, batch.subscription.schema),
        deadLetterReason: reason,
        deliveryAttempts: batch.attempts,
        lastDeliveryOutcome: status === 0 ? 'TimedOutOrUnreachable' : String(status),
        publishTime: new Date(batch.published).toISOString(),
        lastDeliveryAttemptTime: now,
      });
    }
  }
}
