import { app } from '@azure/functions';
import type { Keyturn } from '../../shared/composition';
import { eventCounts } from './key-events';
import { answering } from './problem';

/** `GET /api/health`: what the app needs and whether it is there. Open to all, so it names no key. */
export function registerHealth(keyturn: Keyturn): void {
  app.http('health', {
    route: 'health',
    methods: ['GET'],
    authLevel: 'anonymous',
    handler: (_request, context) =>
      answering(context, async () => {
        const health = await keyturn.health();
        return { status: health.ok ? 200 : 503, jsonBody: { ...health, events: eventCounts } };
      }),
  });
}
