import type { HttpClient, PipelineRequest, PipelineResponse } from '@azure/core-rest-pipeline';
import { createHttpHeaders } from '@azure/core-rest-pipeline';
import { AzureNamedKeyCredential, TableClient } from '@azure/data-tables';

type Entity = Record<string, unknown>;

/**
 * One partition of a table, ordered by row key as Azure's tables are documented to be, behind the unmodified SDK and without a network.
 * Azurite answers every query by a search through the whole table and a sort, so that nothing about pages of a large one could be
 * seen with it. What this app's log does not ask of a table is not here.
 */
export class OrderedTable {
  readonly client: TableClient;
  /** As JSON: a store that is made of objects would have the collector of this process at work for it. */
  readonly #rows = new Map<string, string>();
  readonly #keys: string[] = [];
  #etags = 0;

  constructor(name: string) {
    const httpClient: HttpClient = { sendRequest: async (request) => this.#answer(request) };
    const credential = new AzureNamedKeyCredential('bench', Buffer.from('no secret').toString('base64'));
    this.client = new TableClient('https://bench.table.example', name, credential, { httpClient });
  }

  #answer(request: PipelineRequest): PipelineResponse {
    const url = new URL(request.url);
    if (url.pathname.endsWith('$batch')) return this.#batch(request);
    const [, rowKey] = /RowKey='([^']*)'/.exec(decodeURIComponent(url.pathname)) ?? [];
    if (rowKey === undefined) return this.#query(request, url.searchParams);
    const found = this.#rows.get(rowKey);
    if (found !== undefined) return answer(request, 200, found);
    return answer(request, 404, `{"odata.error":{"code":"ResourceNotFound","message":{"value":"none"}}}`);
  }

  /** A range of row keys: two searches in an ordered list. Further conditions are not looked at. */
  #query(request: PipelineRequest, query: URLSearchParams): PipelineResponse {
    const filter = query.get('$filter') ?? '';
    const [, after = ''] = /RowKey gt '([^']*)'/.exec(filter) ?? [];
    const [, before = ''] = /RowKey lt '([^']*)'/.exec(filter) ?? [];
    const begin = query.get('NextRowKey') ?? query.get('nextRowKey');
    const from = begin === null ? this.#place(`${after}\u0000`) : this.#place(begin);
    const top = Math.min(Number(query.get('$top') ?? 1000), 1000);
    const keys = this.#keys.slice(from, Math.min(from + top, this.#place(before)));
    const next = this.#keys[from + top];
    const more = next !== undefined && next < before;
    const headers = more
      ? { 'x-ms-continuation-NextPartitionKey': 'p', 'x-ms-continuation-NextRowKey': next }
      : undefined;
    return answer(request, 200, `{"value":[${keys.map((key) => this.#rows.get(key)).join(',')}]}`, headers);
  }

  #batch(request: PipelineRequest): PipelineResponse {
    const parts = String(request.body)
      .split(/(?=^(?:POST|PUT|PATCH|MERGE) )/m)
      .slice(1);
    const done = parts.map((part) => {
      const entity = JSON.parse(/^\{.*\}\s*$/m.exec(part)?.[0] ?? '{}') as Entity;
      this.#put(entity);
      return `--changesetresponse_1\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 204 No Content\r\nETag: ${entity['odata.etag']}\r\n\r\n`;
    });
    const body = `--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n${done.join('')}--changesetresponse_1--\r\n--batchresponse_1--\r\n`;
    const headers = createHttpHeaders({ 'content-type': 'multipart/mixed; boundary=batchresponse_1' });
    return { request, status: 202, headers, bodyAsText: body };
  }

  #put(entity: Entity): void {
    const key = String(entity['RowKey']);
    const place = this.#place(key);
    if (this.#keys[place] !== key) this.#keys.splice(place, 0, key);
    entity['odata.etag'] = `W/"${++this.#etags}"`;
    this.#rows.set(key, JSON.stringify(entity));
  }

  /** Where a key stands, or would. */
  #place(key: string): number {
    let [low, high] = [0, this.#keys.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function answer(
  request: PipelineRequest,
  status: number,
  bodyAsText: string,
  headers: Record<string, string> = {},
): PipelineResponse {
  const all = createHttpHeaders({ 'content-type': 'application/json', ...headers });
  return { request, status, headers: all, bodyAsText };
}
