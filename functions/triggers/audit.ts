import { app } from '@azure/functions';
import type { Keyturn } from '../../shared/composition';
import { verifyQuery } from '../../shared/contracts/http';
import { parseKeyIdentifier } from '../../shared/rotation/key-identifier';
import { answering, invalid, queryOf, valid } from './problem';

/** `GET /api/audit/verify?key=`: recomputes the whole chain of one KEK and names the first bad record. */
export function registerAudit({ ports, keys }: Keyturn): void {
  app.http('verifyAudit', {
    route: 'audit/verify',
    methods: ['GET'],
    authLevel: 'function',
    handler: (request, context) =>
      answering(context, async () => {
        const asked = valid(verifyQuery, queryOf(request), 'query').key ?? (keys.length === 1 ? keys[0] : undefined);
        if (asked === undefined)
          throw invalid('query', [{ path: 'key', message: `is required; one of ${keys.join(', ')}` }]);
        const key = parseKeyIdentifier(asked)?.key;
        if (key === undefined)
          throw invalid('query', [{ path: 'key', message: 'must be an unversioned key identifier' }]);
        return { status: 200, jsonBody: await ports.auditLog.verify(key) };
      }),
  });
}
