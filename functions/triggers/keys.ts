import { app } from '@azure/functions';
import type { Keyturn } from '../../shared/composition';
import { viewKey } from '../../shared/rotation/key-view';
import { json } from './answers';
import { answering } from './problem';

/** `GET /api/keys`: each configured KEK and where its targets stand. One that cannot be read does not hide the others. */
export function registerKeys({ ports }: Keyturn): void {
  app.http('listKeys', {
    route: 'keys',
    methods: ['GET'],
    authLevel: 'function',
    handler: (_request, context) =>
      answering(context, async () => {
        const items = await Promise.all(ports.keys.map((key) => viewKey(ports, key)));
        return json(200, { items, continuation: null });
      }),
  });
}
