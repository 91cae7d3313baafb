/** The little of IoT Hub's and DPS's query language that a probe or a reader needs. */
export interface DeviceQuery {
  /** `*` or the one selected field. */
  select: string;
  source: string;
  /** `WHERE <field> = '<value>'`. */
  where?: { field: string; value: string };
}

const pattern = /^\s*SELECT\s+(\*|[\w.]+)\s+FROM\s+(\w+)(?:\s+WHERE\s+([\w.]+)\s*=\s*'([^']*)')?\s*$/i;

/** Undefined for whatever this stand-in does not understand. */
export function parseQuery(text: unknown): DeviceQuery | undefined {
  if (typeof text !== 'string') return undefined;
  const [, select, source, field, value] = pattern.exec(text) ?? [];
  if (select === undefined || source === undefined) return undefined;
  const query = { select, source: source.toLowerCase() };
  return field === undefined || value === undefined ? query : { ...query, where: { field, value } };
}

/** One page of the records that match, each reduced to the selected field. `continuation` is an offset in Azure's opaque place. */
export function runQuery(
  query: DeviceQuery,
  records: Record<string, unknown>[],
  page: { size: number; continuation: string | undefined },
): { items: Record<string, unknown>[]; continuation: string | undefined } {
  const { where, select } = query;
  const matching = where ? records.filter((record) => String(read(record, where.field)) === where.value) : records;
  const from = Number(Buffer.from(page.continuation ?? '', 'base64').toString('utf8')) || 0;
  const items = matching.slice(from, from + page.size);
  const next =
    from + page.size < matching.length ? Buffer.from(String(from + page.size)).toString('base64') : undefined;
  const project = (record: Record<string, unknown>) => ({ [select.split('.').at(-1) ?? select]: read(record, select) });
  return { items: select === '*' ? items : items.map(project), continuation: next };
}

function read(record: Record<string, unknown>, path: string): unknown {
  let value: unknown = record;
  for (const name of path.split('.')) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  }
  return value;
}
