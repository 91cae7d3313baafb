import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions';
import type { Keyturn } from '../../shared/composition';
import { exportQuery, verifyQuery } from '../../shared/contracts/http';
import { csvHeader, csvLine, ndjsonLine } from '../../shared/rotation/audit-export';
import { parseKeyIdentifier } from '../../shared/rotation/key-identifier';
import type { AuditRecord } from '../../shared/rotation/ports';
import { verifyKey } from '../../shared/rotation/verifying';
import { json } from './answers';
import type { Guarded } from './guard';
import { invalid, ProblemError, queryOf, valid } from './problem';

/** `GET /api/audit` (export) and `GET /api/audit/verify` (recomputes the whole chain and names the first bad record). */
export function registerAudit(keyturn: Keyturn, guarded: Guarded): void {
  const route = (name: string, path: string, handle: (request: HttpRequest) => Promise<HttpResponseInit>): void => {
    app.http(name, {
      route: path,
      methods: ['GET'],
      authLevel: 'function',
      handler: (request, context) => guarded(wholeHistory, request, context, () => handle(request)),
    });
  };
  route('exportAudit', 'audit', (request) => exportAudit(keyturn, request));
  route('verifyAudit', 'audit/verify', async (request) => {
    const { key } = valid(verifyQuery, queryOf(request), 'query');
    const asked = keyAsked(keyturn, key);
    const verification = await verifyKey(keyturn.ports, asked);
    // Nothing verified is not verified: a key that was mistyped must not read as a history that holds.
    if (verification.records === 0 && keyturn.ports.managed(asked) === null) throw noHistory(asked);
    return json(200, verification);
  });
}

/** Reads all of it, hundreds of rows a second. */
const wholeHistory = { role: 'reader', weight: 25 } as const;

async function exportAudit(keyturn: Keyturn, request: HttpRequest): Promise<HttpResponseInit> {
  const { key: asked, from, to, format } = valid(exportQuery, queryOf(request), 'query');
  const key = keyAsked(keyturn, asked);
  const csv = (format ?? (request.headers.get('accept')?.includes('text/csv') ? 'csv' : 'ndjson')) === 'csv';
  const lines: string[] = csv ? [csvHeader] : [];
  let continuation: string | null = null;
  do {
    const query = { rotationId: null, limit: 200, continuation, from, to };
    const page: { items: readonly AuditRecord[]; continuation: string | null } = await keyturn.ports.auditLog.list(
      key,
      query,
    );
    lines.push(...page.items.map(csv ? csvLine : ndjsonLine));
    continuation = page.continuation;
  } while (continuation !== null);
  if (lines.length === (csv ? 1 : 0) && from === null && to === null && keyturn.ports.managed(key) === null) {
    throw noHistory(key);
  }
  const headers = { 'content-type': csv ? 'text/csv; charset=utf-8' : 'application/x-ndjson' };
  return { status: 200, headers, body: lines.map((line) => `${line}\n`).join('') };
}

const noHistory = (key: string): ProblemError =>
  new ProblemError(
    404,
    'No such history',
    `${key} is not in the configuration and has no history. Look at its spelling.`,
  );

/** A key that is not configured any more may still have a history. @throws ProblemError 400 */
function keyAsked({ ports: { keys } }: Keyturn, asked: string | undefined): string {
  const only = keys.length === 1 ? keys[0] : undefined;
  const text = asked ?? only;
  if (text === undefined) throw invalid('query', [{ path: 'key', message: `is required; one of ${keys.join(', ')}` }]);
  const parsed = parseKeyIdentifier(text);
  if (parsed === null) throw invalid('query', [{ path: 'key', message: 'must be an unversioned key identifier' }]);
  return parsed.key;
}
