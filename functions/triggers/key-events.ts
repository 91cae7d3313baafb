import { app, type InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import type { Keyturn } from '../../shared/composition';
import { acceptEvent, eventStarted } from '../../shared/rotation/requests';
import { startInstance } from './starting';

/** Events by what became of them, since this process started. */
export const eventCounts: Record<string, number> = {};

/**
 * Event Grid: a key is near expiry, has expired, or has a new version. Only a ledger that cannot be written or an orchestration
 * that cannot be started throws, because one throw makes Event Grid repeat the whole batch.
 */
export function registerKeyEvents({ ports }: Keyturn): void {
  const durableClient = df.input.durableClient();
  app.eventGrid('keyEvents', {
    extraInputs: [durableClient],
    handler: async (event: unknown, context: InvocationContext): Promise<void> => {
      const decision = await acceptEvent(ports, event);
      if (decision.kind === 'dropped') {
        count(decision.code);
        context.log(`key event dropped: ${decision.code}: ${decision.message}`);
        return;
      }
      await startInstance(df.getClient(context), decision.start);
      await eventStarted(ports, decision.start.request.key, decision.event);
      count('accepted');
      context.log(
        `key event accepted: ${decision.event.type} of ${decision.event.version} as ${decision.start.instanceId}`,
      );
    },
  });
}

const count = (code: string): void => {
  eventCounts[code] = (eventCounts[code] ?? 0) + 1;
};
