import { app } from '@azure/functions';
import { json } from './answers';
import type { Guarded } from './guard';

/** Loaded when first asked for, and in this way, as shared/azure/on-first-use.ts says: few starts are for this document. */
const load = async () => require('./describe-api') as typeof import('./describe-api');

/** `GET /api/openapi.json`: every route, described from the schemas that the routes themselves check requests with. */
export function registerOpenApi(guarded: Guarded): void {
  let described: object | undefined;
  app.http('openApi', {
    route: 'openapi.json',
    methods: ['GET'],
    authLevel: 'function',
    handler: (request, context) =>
      guarded({ role: 'reader' }, request, context, async () => {
        described ??= (await load()).describeApi();
        return json(200, described);
      }),
  });
}
