import type { StandInResponse } from '../kit';
import { isObject, type JsonObject } from './json';
import { armError } from './refusals';

type Tables = Readonly<Record<string, readonly JsonObject[]>>;

/**
 * Azure Resource Graph, `POST /providers/Microsoft.ResourceGraph/resources` (Azure REST API specifications, 2022-10-01), for the part of
 * its query language that is written here; whatever else a query says is refused by name.
 */
export function answerQuery(body: unknown, subscriptionId: string, tables: Tables): StandInResponse {
  const { query, subscriptions } = isObject(body) ? body : {};
  if (typeof query !== 'string' || !Array.isArray(subscriptions)) {
    return armError(400, 'BadRequest', 'A query and its subscriptions are needed.');
  }
  const [table = '', ...steps] = query.split('|').map((step) => step.trim());
  const rows = tables[table.toLowerCase()];
  if (rows === undefined) return unsupported(table);
  const ours = subscriptions.some((each) => String(each).toLowerCase() === subscriptionId.toLowerCase());
  let data = ours ? rows : [];
  for (const step of steps) {
    if (/^project\s/i.test(step)) continue; // More columns than were asked for do no harm.
    const holds = conditionOf(step);
    if (holds === undefined) return unsupported(step);
    data = data.filter(holds);
  }
  return {
    status: 200,
    body: { totalRecords: data.length, count: data.length, data, facets: [], resultTruncated: 'false' },
  };
}

type Condition = (row: JsonObject) => boolean;

const isOneOf = /^where (\S+) in~ \(('[^']*'(?:\s*,\s*'[^']*')*)\)$/i;
const equals = /^where (\S+) =~ '([^']*)'$/i;
const isLater = /^where todatetime\((\S+)\) > datetime\(([^)]*)\)$/i;

function conditionOf(step: string): Condition | undefined {
  const [, among, list] = isOneOf.exec(step) ?? [];
  if (among !== undefined && list !== undefined) {
    const wanted = new Set([...list.matchAll(/'([^']*)'/g)].map(([, text = '']) => text.toLowerCase()));
    return (row) => wanted.has(textAt(row, among));
  }
  const [, equal, wanted = ''] = equals.exec(step) ?? [];
  if (equal !== undefined) return (row) => textAt(row, equal) === wanted.toLowerCase();
  const [, later, since = ''] = isLater.exec(step) ?? [];
  if (later !== undefined) return (row) => Date.parse(textAt(row, later)) > Date.parse(since);
  return undefined;
}

/** In lower case, as `=~` and `in~` compare. */
function textAt(row: JsonObject, path: string): string {
  const found = path.split('.').reduce<unknown>((value, name) => (isObject(value) ? value[name] : undefined), row);
  return String(found ?? '').toLowerCase();
}

function unsupported(what: string): StandInResponse {
  return armError(400, 'BadRequest', `This Resource Graph does not know '${what}'.`);
}
