import { app } from '@azure/functions';
import type { Keyturn } from '../../shared/composition';
import { viewKey } from '../../shared/rotation/key-view';
import { eachSideBySide } from '../../shared/rotation/side-by-side';
import { json } from './answers';
import type { Guarded } from './guard';

/** Each reads its targets side by side, too. */
const keysAtOnce = 4;

/** `GET /api/keys`: each configured KEK and where its targets stand. One that cannot be read does not hide the others. */
export function registerKeys({ ports }: Keyturn, guarded: Guarded): void {
  app.http('listKeys', {
    route: 'keys',
    methods: ['GET'],
    authLevel: 'function',
    handler: (request, context) =>
      guarded({ role: 'reader' }, request, context, async () => {
        const items = await eachSideBySide(ports.keys, keysAtOnce, (key) => viewKey(ports, key));
        return json(200, { items, continuation: null });
      }),
  });
}
