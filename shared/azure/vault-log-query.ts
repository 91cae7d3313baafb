import { parseKeyIdentifier } from '../rotation/key-identifier';
import type { LogWindow } from '../rotation/ports';

/**
 * The two forms in which a vault's AuditEvents come into a workspace, whichever its diagnostic setting chose, as one: the table of their
 * own, AZKVAuditLogs, and the old common one, AzureDiagnostics, whose columns exist only once something was written to them. Names of
 * tables, columns and operations: Azure's documentation "Key Vault logging" and the tables' reference (2026). Whether `Id` or
 * `RequestUri` holds the version no document says, so both are looked at.
 *
 * A table that the workspace has not is left out (`isfuzzy`); if it has neither, the query is an error, not an empty answer.
 */
const auditEvents = ({ from, until }: LogWindow) => `union isfuzzy=true
(AZKVAuditLogs
| where ${inWindow(from, until)}
| project TimeGenerated, OperationName, Status = toint(HttpStatusCode), Named = strcat(tostring(column_ifexists("Id", "")), " ", tostring(column_ifexists("RequestUri", ""))), Principal = ${firstOf(
  'tostring(Identity.claim.oid)',
  `tostring(Identity.claim[${literal(objectIdClaim)}])`,
)}),
(AzureDiagnostics
| where ${inWindow(from, until)} and ResourceProvider =~ "MICROSOFT.KEYVAULT" and Category == "AuditEvent"
| project TimeGenerated, OperationName, Status = toint(column_ifexists("httpStatusCode_d", 0)), Named = strcat(tostring(column_ifexists("id_s", "")), " ", tostring(column_ifexists("requestUri_s", ""))), Principal = ${firstOf(
  'tostring(column_ifexists("identity_claim_oid_g", ""))',
  'tostring(column_ifexists("identity_claim_http_schemas_microsoft_com_identity_claims_objectidentifier_g", ""))',
)})`;

const objectIdClaim = 'http://schemas.microsoft.com/identity/claims/objectidentifier';

const inWindow = (from: string, until: string): string =>
  `TimeGenerated >= ${instant(from)} and TimeGenerated < ${instant(until)}`;

const firstOf = (first: string, second: string): string => `iff(isnotempty(${first}), ${first}, ${second})`;

/** Everything by which a version can be used. Wraps are mostly made locally, but one that shows is a use. */
const operations = ['KeyUnwrap', 'KeyDecrypt', 'KeyWrap', 'KeyEncrypt'];

/** A 401 is the challenge that every client is met with before it signs in, and names nobody. */
export const usesQuery = (
  key: string,
  versions: readonly string[],
  window: LogWindow,
): string => `${auditEvents(window)}
| where OperationName in (${operations.map(literal).join(', ')}) and Status != 401
| where Named matches regex ${literal(`${vaultPattern(key)}/keys/${escaped(nameOf(key))}([/? ]|$)`)}
| extend Version = tolower(extract(${literal('(?i)/keys/[^/? ]+/([0-9a-f]{32})')}, 1, Named))
| where isempty(Version) or Version in (${versions.map((version) => literal(version.toLowerCase())).join(', ')})
| summarize Uses = count(), LastAt = max(TimeGenerated) by Version, Principal, OperationName`;

export const newestRecordQuery = (key: string, window: LogWindow): string => `${auditEvents(window)}
| where Named matches regex ${literal(`${vaultPattern(key)}([/? ]|$)`)}
| summarize Newest = max(TimeGenerated)`;

/** The vault's address, however the log writes its usual port. */
function vaultPattern(key: string): string {
  const url = new URL(key);
  return `(?i)https?://${escaped(url.hostname)}${url.port === '' ? '(:443)?' : `:${url.port}`}`;
}

const nameOf = (key: string): string => parseKeyIdentifier(key)?.name ?? '';

const escaped = (text: string): string => text.replaceAll(/[^a-z0-9]/gi, (character) => `\\${character}`);

/** A KQL string literal. What goes in is configured or from Key Vault, but nothing is trusted to hold no quote. */
function literal(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** @throws RangeError for what is no instant */
const instant = (time: string): string => `datetime(${new Date(time).toISOString()})`;
