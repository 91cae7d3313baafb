import { app, type InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import type { Keyturn } from '../../shared/composition';
import { acceptEvent, eventStarted, seenBefore, understandEvent } from '../../shared/rotation/requests';
import { inTurn } from './in-turn';
import { knownEvents } from './known-events';
import { startInstance } from './starting';

/** Events by what became of them, since this process started. */
export const eventCounts: Record<string, number> = {};

/**
 * Event Grid gives a batch up that is not answered within thirty seconds, and sends all of it again. Were the events of many batches
 * looked at together, all of them would be answered at the same time: too late. What was dealt with before the batch was given up is known
 * when it comes again, so that each round leaves less.
 */
const atOnce = 32;
const mostKnown = 10_000;

/**
 * Event Grid: a key is near expiry, has expired, or has a new version. Only a ledger that cannot be written or an orchestration
 * that cannot be started throws, because one throw makes Event Grid repeat the whole batch.
 */
export function registerKeyEvents({ ports }: Keyturn): void {
  const taking = { take: inTurn(atOnce), known: knownEvents(mostKnown) };
  app.eventGrid('keyEvents', {
    extraInputs: [df.input.durableClient()],
    handler: async (raw: unknown, context: InvocationContext): Promise<void> => {
      const { code, message } = await receive(ports, raw, taking, context);
      count(code);
      context.log(code === accepted ? message : `key event dropped: ${code}: ${message}`);
    },
  });
}

interface Taking {
  readonly take: ReturnType<typeof inTurn>;
  readonly known: ReturnType<typeof knownEvents>;
}

/** What became of an event, as it is counted and logged. */
interface Received {
  readonly code: string;
  readonly message: string;
}

const accepted = 'accepted';

async function receive(
  ports: Keyturn['ports'],
  raw: unknown,
  { take, known }: Taking,
  context: InvocationContext,
): Promise<Received> {
  const understood = understandEvent(ports, raw);
  if (understood.kind === 'dropped') return understood;
  const { event } = understood;
  if (known.has(event)) return seenBefore(event);
  return take(async () => {
    // One like it may have had its turn meanwhile.
    if (known.has(event)) return seenBefore(event);
    const decision = await acceptEvent(ports, event);
    if (decision.kind === 'dropped') {
      if (decision.onRecord !== undefined) known.add({ ...decision.onRecord, key: event.key });
      return decision;
    }
    const { start, event: recorded } = decision;
    await startInstance(df.getClient(context), start);
    await eventStarted(ports, event.key, recorded);
    known.add({ ...recorded, key: event.key });
    return {
      code: accepted,
      message: `key event accepted: ${recorded.type} of ${recorded.version} as ${start.instanceId}`,
    };
  });
}

const count = (code: string): void => {
  eventCounts[code] = (eventCounts[code] ?? 0) + 1;
};
