import { app } from '@azure/functions';
import type { Keyturn } from '../../shared/composition';
import type { Guarded } from './guard';
import { eventCounts } from './key-events';

/** `GET /api/health`: what the app needs and whether it is there. Open to all, so it names no key. */
export function registerHealth(keyturn: Keyturn, guarded: Guarded): void {
  app.http('health', {
    route: 'health',
    methods: ['GET'],
    authLevel: 'anonymous',
    handler: (request, context) =>
      guarded({ role: null }, request, context, async () => {
        const health = await keyturn.health((sentence) => context.warn(`health: ${sentence}`));
        return { status: health.ok ? 200 : 503, jsonBody: { ...health, events: eventCounts } };
      }),
  });
}
