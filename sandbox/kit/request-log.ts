/** One answered request, for counting and for a reader who asks what was called. Never holds a body or a credential. */
export interface LoggedRequest {
  /** Virtual time, ISO 8601. */
  at: string;
  standIn: string;
  name: string;
  method: string;
  path: string;
  operation: string | undefined;
  /** Name of the identity, or its principal id if the seed does not name it. */
  principal: string | undefined;
  /** 0 when the connection was cut instead of an answer. */
  status: number;
  /** When it was answered, in milliseconds of the machine's clock: comparable with what another process saw. */
  answeredAt: number;
  /** Of what it carried, where its stand-in tells: an unwrap's blob as SHA-256, base64url. */
  digest: string | undefined;
  /** Kind of the fault that struck it. */
  fault: string | undefined;
}

const CAPACITY = 100_000;

/** Append-only, in memory; beyond its capacity the oldest tenth is forgotten. */
export class RequestLog {
  readonly #requests: LoggedRequest[] = [];

  append(request: LoggedRequest): void {
    if (this.#requests.length >= CAPACITY) this.#requests.splice(0, CAPACITY / 10);
    this.#requests.push(request);
  }

  list(standIn?: string): LoggedRequest[] {
    return standIn === undefined
      ? [...this.#requests]
      : this.#requests.filter((request) => request.standIn === standIn);
  }

  /** How many requests, by `standIn name operation status`. */
  counts(standIn?: string): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const request of this.list(standIn)) {
      const kind = `${request.standIn} ${request.name} ${request.operation ?? request.method} ${request.status}`;
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  }
}
