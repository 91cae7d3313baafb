import type { TokenCredential } from '@azure/core-auth';
import type { HttpClient } from '@azure/core-rest-pipeline';
import { LogsQueryClient, type LogsTable } from '@azure/monitor-query-logs';
import type { LogWorkspace } from '../config';
import { FaultError } from '../rotation/errors';
import type { LogWindow, VaultLog, VersionUse } from '../rotation/ports';
import { clientOptions, requestTimeouts } from './requests';
import { attempt } from './status-codes';
import { newestRecordQuery, usesQuery } from './vault-log-query';

/**
 * The vaults' logs in a Log Analytics workspace. Whatever keeps it from being read is a fault: who asks decides without it.
 * @public to the check for dead code, which does not follow on-first-use.ts
 */
export function createVaultLog(
  { workspaceId, endpoint, audience }: LogWorkspace,
  credential: TokenCredential,
  httpClient?: HttpClient,
): VaultLog {
  const scope = `${audience}/.default`;
  const client = new LogsQueryClient(credential, {
    ...clientOptions(requestTimeouts.query),
    // Taken as it is: the version belongs to it (monitor-query-logs 1.0.0).
    endpoint: `${endpoint}/v1`,
    credentials: { scopes: [scope] },
    ...(httpClient === undefined ? {} : { httpClient }),
  });
  const ask = async (what: string, query: string, { from, until }: LogWindow): Promise<readonly Row[]> => {
    const timespan = { startTime: new Date(from), endTime: new Date(until) };
    const options = { serverTimeoutInSeconds: 40 };
    const result = await attempt({ service: 'vault-log', what }, () =>
      client.queryWorkspace(workspaceId, query, timespan, options),
    );
    const table = result.status === 'Success' ? result.tables[0] : undefined;
    if (table !== undefined) return rowsOf(table);
    throw new FaultError('vault-log', `Log Analytics answered only a part to: ${what}. It is asked again later.`);
  };
  return {
    async ownPrincipal() {
      const what = 'sign in to read the log';
      const token = await attempt({ service: 'vault-log', what }, () => credential.getToken(scope));
      return token === null ? null : objectIdOf(token.token);
    },
    async newestRecord(key, window) {
      const [row] = await ask(
        `find the newest record about the vault of ${key}`,
        newestRecordQuery(key, window),
        window,
      );
      return row === undefined ? null : timeOf(row['Newest']);
    },
    async uses(key, versions, window) {
      const what = `find who used ${versions.join(', ')} of ${key}`;
      return (await ask(what, usesQuery(key, versions, window), window)).map((row) => useOf(row, window));
    },
  };
}

type Row = Readonly<Record<string, unknown>>;

const rowsOf = ({ columnDescriptors, rows }: LogsTable): readonly Row[] =>
  rows.map((cells) => Object.fromEntries(columnDescriptors.map(({ name }, index) => [name, cells[index]])));

/** What cannot be read is told as strictly as it can be: a version that was not understood may be any. */
function useOf(row: Row, { until }: LogWindow): VersionUse {
  return {
    version: textOf(row['Version']),
    principalId: textOf(row['Principal']),
    operation: textOf(row['OperationName']) ?? 'a use',
    count: Math.max(1, Number(row['Uses']) || 1),
    lastAt: timeOf(row['LastAt']) ?? until,
  };
}

const textOf = (cell: unknown): string | null => (typeof cell === 'string' && cell !== '' ? cell : null);

function timeOf(cell: unknown): string | null {
  const time = cell instanceof Date ? cell : typeof cell === 'string' ? new Date(cell) : null;
  return time === null || Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** The claim `oid` of our own token. Tokens are not promised to be readable; one that is not says nothing. */
function objectIdOf(token: string): string | null {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
      oid?: unknown;
    };
    return textOf(claims.oid);
  } catch {
    return null;
  }
}
