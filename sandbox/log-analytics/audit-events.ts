import type { LoggedOperation } from '../key-vault';
import type { Table, Tables } from './kql';
import type { Cell, Row } from './kql-expression';

/** How the log reads what Azure does not promise; the most hostile readings unless set. */
export interface LogModes {
  /** Seconds of virtual time after which an operation can be read: ten minutes at the most, says Azure. */
  delaySeconds: number;
  /** Where the vaults' diagnostic settings send it. */
  table: 'AZKVAuditLogs' | 'AzureDiagnostics' | 'none';
  /** Virtual time (ISO 8601) from which on nothing more comes; null while it flows. */
  stillSince: string | null;
}

export const usualModes: LogModes = { delaySeconds: 600, table: 'AZKVAuditLogs', stillSince: null };

/** What of the vaults' operations has come into the workspace by now, in the form that the mode says. */
export function auditEvents(
  operations: readonly LoggedOperation[],
  vaultUrls: Readonly<Record<string, string>>,
  { delaySeconds, table, stillSince }: LogModes,
  now: Date,
): Tables {
  const form = table === 'AZKVAuditLogs' ? resourceSpecific : diagnostics;
  const until = Math.min(
    now.getTime() - delaySeconds * 1000,
    stillSince === null ? Number.POSITIVE_INFINITY : Date.parse(stillSince),
  );
  const come = operations.filter(({ time }) => Date.parse(time) <= until);
  return (name) => (name === table ? tableOf(come.map((each) => form(each, vaultUrls[each.vault] ?? ''))) : undefined);
}

function tableOf(records: readonly Readonly<Record<string, Cell>>[]): Table {
  const rows = records.map((record): Row => new Map(Object.entries(record)));
  const [first = columnsOfNone] = records;
  return { columns: Object.keys(first), rows };
}

const requestOf = ({ key, version, operationName }: LoggedOperation, url: string): string => {
  const operation = { KeyUnwrap: '/unwrapkey', KeyWrap: '/wrapkey', KeyDecrypt: '/decrypt', KeyEncrypt: '/encrypt' }[
    operationName
  ];
  const path = [key, operation === undefined ? undefined : version].filter((part) => part !== undefined).join('/');
  return `${url}/keys/${path}${operation ?? ''}?api-version=7.6`;
};

/** Which of its columns names the version no document says: here `RequestUri`, where the request did. */
function resourceSpecific(operation: LoggedOperation, url: string): Readonly<Record<string, Cell>> {
  const { time, operationName, status, principalId } = operation;
  return {
    TimeGenerated: new Date(time),
    OperationName: operationName,
    Category: 'AuditEvent',
    HttpStatusCode: status,
    Id: `${url}/keys/${operation.key ?? ''}`,
    RequestUri: requestOf(operation, url),
    Identity: principalId === undefined ? {} : { claim: { oid: principalId } },
  };
}

/** The older form: every name with the type of its values behind it. */
function diagnostics(operation: LoggedOperation, url: string): Readonly<Record<string, Cell>> {
  const { time, operationName, status, principalId, key, version } = operation;
  const id = [key, version].filter((part) => part !== undefined).join('/');
  return {
    TimeGenerated: new Date(time),
    OperationName: operationName,
    Category: 'AuditEvent',
    ResourceProvider: 'MICROSOFT.KEYVAULT',
    httpStatusCode_d: status,
    id_s: `${url}/keys/${id}`,
    requestUri_s: requestOf(operation, url),
    identity_claim_http_schemas_microsoft_com_identity_claims_objectidentifier_g: principalId ?? '',
  };
}

/** A table of its own exists, with all columns, before the first record comes. */
const columnsOfNone = resourceSpecific(
  {
    time: new Date(0).toISOString(),
    vault: '',
    operationName: '',
    key: undefined,
    version: undefined,
    principalId: undefined,
    identity: undefined,
    status: 0,
  },
  '',
);
