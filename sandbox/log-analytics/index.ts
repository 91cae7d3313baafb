import type { RunningKeyVault } from '../key-vault';
import { type CloudContext, type StandInRequest, type StandInResponse, type StandInServer, startServer } from '../kit';
import { auditEvents, type LogModes, usualModes } from './audit-events';
import { answer, type Table } from './kql';
import type { Cell } from './kql-expression';
import { QueryError } from './kql-words';

/** The workspace that all vaults of this local cloud send their log to. */
export const WORKSPACE_ID = '5a1d0c7e-6b52-4b8e-9f0a-2c3d4e5f6a7b';
/** The audience of its tokens. */
export const LOG_RESOURCE = 'https://api.loganalytics.io';

export interface LogAnalytics extends StandInServer {
  setModes(modes: Partial<LogModes>): void;
}

/**
 * The query endpoint of Log Analytics (Azure's documentation "Azure Monitor Log Analytics API", v1): one workspace, fed by the logs of the
 * vaults.
 */
export async function startLogAnalytics(
  context: CloudContext,
  vaults: ReadonlyMap<string, Pick<RunningKeyVault, 'url' | 'vault'>>,
  port = 0,
): Promise<LogAnalytics> {
  let modes = usualModes;
  const tables = () => {
    const operations = [...vaults.values()].flatMap(({ vault }) => vault.log.list());
    const urls = Object.fromEntries([...vaults].map(([name, { url }]) => [name, url]));
    return auditEvents(operations, urls, modes, context.clock.now());
  };
  const server = await startServer(context, {
    standIn: 'logAnalytics',
    name: 'workspace',
    port,
    tls: true,
    operationOf: () => 'query',
    handle: async (request) => {
      const refused = refusal(context, request);
      if (refused !== null) return refused;
      const { query } = (request.body ?? {}) as { query?: unknown };
      if (typeof query !== 'string')
        return problem(400, 'BadArgumentError', 'The request had some invalid properties', 'InvalidPropertyError');
      try {
        return { status: 200, body: { tables: [shown(answer(query, tables()))] } };
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        return problem(400, 'BadArgumentError', error.message, error.code);
      }
    },
  });
  return {
    ...server,
    setModes: (changed) => {
      modes = { ...modes, ...changed };
    },
  };
}

function refusal(context: CloudContext, { method, path, headers }: StandInRequest): StandInResponse | null {
  const caller = context.tokens.verify(headers.authorization, [LOG_RESOURCE]);
  if (caller === undefined) return problem(401, 'AuthorizationRequiredError', 'Valid authentication was not provided');
  const workspace = /^\/v1\/workspaces\/([^/]+)\/query$/.exec(path)?.[1];
  if (method !== 'POST' || workspace === undefined)
    return problem(404, 'PathNotFoundError', 'The requested path does not exist');
  if (workspace.toLowerCase() !== WORKSPACE_ID)
    return problem(404, 'WorkspaceNotFoundError', 'The workspace could not be found');
  const scope = `/subscriptions/${context.subscriptionId}/resourceGroups/${context.resourceGroup}/providers/Microsoft.OperationalInsights/workspaces/keyturn-logs`;
  const may = context.permissions.allows(
    caller.principalId,
    scope,
    'Microsoft.OperationalInsights/workspaces/query/read',
  );
  return may
    ? null
    : problem(
        403,
        'InsufficientAccessError',
        'The provided credentials have insufficient access to perform the requested operation',
      );
}

function problem(status: number, code: string, message: string, innerCode?: string): StandInResponse {
  const innererror = innerCode === undefined ? {} : { innererror: { code: innerCode, message } };
  return { status, body: { error: { code, message, ...innererror } } };
}

function shown({ columns, rows }: Table) {
  const typeOf = (name: string): string => {
    const cell = rows.map((row) => row.get(name) ?? null).find((each) => each !== null);
    if (cell instanceof Date) return 'datetime';
    return typeof cell === 'number' ? 'long' : typeof cell === 'object' && cell !== null ? 'dynamic' : 'string';
  };
  const written = (cell: Cell): unknown => (cell instanceof Date ? cell.toISOString() : cell);
  return {
    name: 'PrimaryResult',
    columns: columns.map((name) => ({ name, type: typeOf(name) })),
    rows: rows.map((row) => columns.map((name) => written(row.get(name) ?? null))),
  };
}
