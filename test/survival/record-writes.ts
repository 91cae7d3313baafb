import type { IncomingHttpHeaders } from 'node:http';

/** What one request, or one part of an entity group transaction, writes into a record of data keys. */
export interface RecordWrite {
  readonly table: string;
  /** `<partition key>/<row key>` */
  readonly id: string;
  readonly kid: string;
  readonly blob: string;
  /** The column that keeps what was replaced, as written; undefined if it is not written. */
  readonly previous: string | undefined;
}

interface Sent {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const writing = new Set(['PUT', 'PATCH', 'MERGE']);
const entity = /\/([A-Za-z][A-Za-z0-9]*)\(PartitionKey='([^']*)',RowKey='([^']*)'\)/;
/** A part of a batch: its request line, its headers, one empty line or more (the SDK sends two), one line of JSON. */
const part = /^([A-Z]+) (\S+) HTTP\/1\.1\r?\n(?:[^\r\n]+\r?\n)*(?:\r?\n)+(\{.*\})/gm;

/** By table storage's REST contract alone: "Merge Entity", "Update Entity", "Performing entity group transactions". */
export function writesIn({ method, target, headers, body }: Sent): RecordWrite[] {
  if (method === 'POST' && target.split('?')[0]?.endsWith('/$batch')) {
    return [...body.toString('utf8').matchAll(part)].flatMap(([, verb = '', url = '', json = '']) =>
      writing.has(verb) ? writeOf(url, json) : [],
    );
  }
  const verb = String(headers['x-http-method'] ?? method);
  return writing.has(verb) ? writeOf(target, body.toString('utf8')) : [];
}

function writeOf(target: string, json: string): RecordWrite[] {
  const [, table = '', partitionKey = '', rowKey = ''] = entity.exec(decodeURIComponent(target)) ?? [];
  if (table === '') return [];
  const { kid, blob, previous } = JSON.parse(json) as Record<string, unknown>;
  // Keyturn's own tables have entities too; only a wrapped data key has both.
  if (typeof kid !== 'string' || typeof blob !== 'string') return [];
  return [
    {
      table,
      id: `${partitionKey}/${rowKey}`,
      kid,
      blob,
      previous: typeof previous === 'string' ? previous : undefined,
    },
  ];
}

/** Whether what was asked was done; a transaction is done as a whole or not at all, and says so inside a 202. */
export function landedIn(status: number, body: Buffer): boolean {
  if (status !== 202) return status >= 200 && status < 300;
  return [...body.toString('utf8').matchAll(/HTTP\/1\.1 (\d{3})/g)].every(([, code]) => Number(code) < 300);
}
