import type { Reason } from '../contracts/rotation';
import { RefusalError } from '../rotation/errors';
import { fitDataKey, type Keys } from '../rotation/fit-data-key';
import { parseKeyIdentifier, sameKey, versionOf } from '../rotation/key-identifier';
import type { WrappedDataKey } from '../rotation/ports';

/** What one look at every record tells, without the vault. */
export interface Survey {
  readonly total: number;
  /** Distinct key identifiers, as the records spell them; of other keys only the first few. */
  readonly kids: readonly string[];
  /** The one of this KEK that most records name. */
  readonly mostNamed: string | null;
  /** Records that cannot be rewrapped as they are: the first by name, the rest counted. */
  readonly unfit: readonly Reason[];
}

const mostUnfitNamed = 100;
const mostStrangers = 20;
/** Instead of what stands there: it may be anything, and is told to people. */
const noIdentifier = 'no key identifier';

interface Named {
  readonly kid: string;
  count: number;
}

/** Collects the identifiers that records name; what it keeps does not grow with the store. */
function collector(key: string): { note(kid: string): void; named(): readonly Named[] } {
  const kids = new Map<string, Named>();
  let strangers = 0;
  const noteFirst = (text: string): void => {
    const kid = parseKeyIdentifier(text) === null ? noIdentifier : text;
    // I1: nothing is left out that may stand on a version of this KEK.
    const isStranger = kid !== noIdentifier && !sameKey(kid, key);
    if (kids.has(kid.toLowerCase()) || (isStranger && strangers === mostStrangers)) return;
    kids.set(kid.toLowerCase(), { kid, count: 1 });
    if (isStranger) strangers += 1;
  };
  return {
    note(text) {
      const known = kids.get(text.toLowerCase());
      if (known === undefined) noteFirst(text);
      else known.count += 1;
    },
    named: () => [...kids.values()],
  };
}

/** Distinct key identifiers, as the records spell them; of other keys only the first few. */
export async function distinctKids(kids: AsyncIterable<string>, key: string): Promise<readonly string[]> {
  const collected = collector(key);
  for await (const kid of kids) collected.note(kid);
  return collected.named().map(({ kid }) => kid);
}

/**
 * Reads every record once; what it keeps does not grow with the store.
 * @param others keys besides the KEK that may have wrapped records too
 */
export async function surveyOf(
  records: AsyncIterable<WrappedDataKey>,
  key: string,
  others: readonly string[] = [],
): Promise<Survey> {
  const collected = collector(key);
  const unfit: Reason[] = [];
  let total = 0;
  let unfitTotal = 0;
  for await (const record of records) {
    total += 1;
    collected.note(record.kid);
    const reason = unfitness(record, [key, ...others]);
    if (reason === null) continue;
    unfitTotal += 1;
    if (unfit.length < mostUnfitNamed) unfit.push(reason);
  }
  if (unfitTotal > unfit.length) {
    const message = `${unfitTotal - unfit.length} more records cannot be rewrapped as they are.`;
    unfit.push({ code: 'more-records-unfit', message });
  }
  const named = collected.named();
  const ofThisKey = named.filter(({ kid }) => versionOf(kid) !== null && sameKey(kid, key));
  const [most = null] = ofThisKey.toSorted((a, b) => b.count - a.count);
  return { total, kids: named.map(({ kid }) => kid), mostNamed: most?.kid ?? null, unfit };
}

function unfitness(record: WrappedDataKey, keys: Keys): Reason | null {
  try {
    fitDataKey(record, keys);
    return null;
  } catch (error) {
    if (error instanceof RefusalError) return { code: error.code, message: error.message };
    throw error;
  }
}
