/** The clock of the fakes that do something by themselves: operations that end, caches that run out, late rewraps. */
export interface FakeClock {
  now(): Date;
  /** Runs something when an instant has come. @returns what takes it back */
  at(when: Date, run: () => void): () => void;
}

/** Time that stands still until a test lets it pass; what is due by then runs in its order, each at its own instant. */
export function fakeClock(start = '2026-11-22T12:00:00Z'): FakeClock & { pass(seconds: number): void } {
  const appointments = new Map<number, { readonly at: number; readonly run: () => void }>();
  let now = Date.parse(start);
  let made = 0;
  const first = (end: number) =>
    [...appointments].filter(([, { at }]) => at <= end).sort(([a, left], [b, right]) => left.at - right.at || a - b)[0];
  return {
    now: () => new Date(now),
    at: (when, run) => {
      const id = made++;
      appointments.set(id, { at: when.getTime(), run });
      return () => appointments.delete(id);
    },
    pass: (seconds) => {
      const end = now + seconds * 1000;
      for (let due = first(end); due !== undefined; due = first(end)) {
        const [id, { at, run }] = due;
        appointments.delete(id);
        now = Math.max(now, at);
        run();
      }
      now = end;
    },
  };
}
