/** What one part of the local cloud tells another, e.g. Key Vault tells Event Grid that a key has a new version. */
export interface CloudEvent {
  /** E.g. `Microsoft.KeyVault.KeyNewVersionCreated`. */
  type: string;
  /** Resource id of where it happened. */
  source: string;
  subject: string;
  data: Record<string, unknown>;
}

/** In process, in order, at once; what makes delivery unreliable is Event Grid's part. */
export class CloudBus {
  readonly #subscribers = new Set<(event: CloudEvent) => void>();

  publish(event: CloudEvent): void {
    for (const subscriber of this.#subscribers) subscriber(event);
  }

  /** Returns the function that ends the subscription. */
  subscribe(subscriber: (event: CloudEvent) => void): () => void {
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }
}
