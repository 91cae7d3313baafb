import type { StandInRequest } from '../kit';
import { badParameter } from './errors';

const LARGEST_PAGE = 25;

/**
 * One page of items, ordered by `idOf`, which is not their age: Key Vault promises no order, so nobody gets to lean on one.
 * The link to the next page names where this one ended, so that items made in between neither repeat nor hide others.
 *
 * @throws KeyVaultError 400 for a bad `maxresults`.
 */
export function page<T>(
  request: StandInRequest,
  items: T[],
  idOf: (item: T) => string,
  json: (item: T) => unknown,
): Record<string, unknown> {
  const size = Number(request.query.get('maxresults') ?? LARGEST_PAGE);
  if (!Number.isInteger(size) || size < 1 || size > LARGEST_PAGE)
    throw badParameter(`maxresults must be between 1 and ${LARGEST_PAGE}.`);
  const after = Buffer.from(request.query.get('$skiptoken') ?? '', 'base64url').toString();
  const rest = items.filter((item) => idOf(item) > after).sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  const shown = rest.slice(0, size);
  const last = shown.at(-1);
  if (rest.length <= size || last === undefined) return { value: shown.map(json), nextLink: null };
  const query = new URLSearchParams({
    'api-version': request.query.get('api-version') ?? '',
    $skiptoken: Buffer.from(idOf(last)).toString('base64url'),
    maxresults: String(size),
  });
  return { value: shown.map(json), nextLink: `${request.url}${request.path}?${query}` };
}
