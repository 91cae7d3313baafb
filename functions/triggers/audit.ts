import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions';
import type { Keyturn } from '../../shared/composition';
import { exportQuery, verifyQuery } from '../../shared/contracts/http';
import { csvHeader, csvLine } from '../../shared/rotation/audit-export';
import { type ExportedPage, exportPage } from '../../shared/rotation/exporting';
import { parseKeyIdentifier } from '../../shared/rotation/key-identifier';
import { verifyKey } from '../../shared/rotation/verifying';
import { json } from './answers';
import type { Guarded } from './guard';
import { invalid, keyParameters, ProblemError, queryOf, valid } from './problem';

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

/** Reads much of it, or all. */
const wholeHistory = { role: 'reader', weight: 25 } as const;

async function exportAudit(keyturn: Keyturn, request: HttpRequest): Promise<HttpResponseInit> {
  const { key: asked, format, ...query } = valid(exportQuery, queryOf(request), 'query');
  const key = keyAsked(keyturn, asked);
  const page = await exportPage(keyturn.ports, key, query);
  if (page.records.length === 0 && keyturn.ports.managed(key) === null && (await isUnknown(keyturn, key))) {
    throw noHistory(key);
  }
  const csv = (format ?? (request.headers.get('accept')?.includes('text/csv') ? 'csv' : 'ndjson')) === 'csv';
  const lines = csv
    ? [csvHeader, ...page.records.map(csvLine)]
    : [page.opening, ...page.records, ...page.closing].map((line) => JSON.stringify(line));
  const headers = { 'content-type': csv ? 'text/csv; charset=utf-8' : 'application/x-ndjson', ...next(request, page) };
  return { status: 200, headers, body: lines.map((line) => `${line}\n`).join('') };
}

/** The page after this one (RFC 8288): CSV has no other place for it. */
function next({ url }: HttpRequest, { continuation }: ExportedPage): { readonly link?: string } {
  if (continuation === null) return {};
  const address = new URL(url);
  // Answers are kept where requests are not: the next one needs its function key again, as a header or in the query.
  for (const name of keyParameters) address.searchParams.delete(name);
  address.searchParams.set('continuation', continuation);
  return { link: `<${address.href}>; rel="next"` };
}

const isUnknown = async ({ ports }: Keyturn, key: string): Promise<boolean> =>
  (await ports.auditLog.head(key)) === null;

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
