import type { Reason } from '../contracts/rotation';
import { RefusalError } from '../rotation/errors';
import { fitDataKey } from '../rotation/fit-data-key';
import { sameKey, versionOf } from '../rotation/key-identifier';
import type { WrappedDataKey } from '../rotation/ports';

/** What one look at every record tells, without the vault. */
export interface Survey {
  readonly total: number;
  /** Distinct key identifiers, as the records spell them; what is no versioned identifier is shown a few times only. */
  readonly kids: readonly string[];
  /** The one of this KEK that most records name. */
  readonly mostNamed: string | null;
  /** Records that cannot be rewrapped as they are: the first by name, the rest counted. */
  readonly unfit: readonly Reason[];
}

const mostUnfitNamed = 100;
const mostNoIdentifiers = 20;

/** Reads every record once; what it keeps does not grow with the store. */
export async function surveyOf(records: AsyncIterable<WrappedDataKey>, key: string): Promise<Survey> {
  const kids = new Map<string, { readonly kid: string; count: number }>();
  const unfit: Reason[] = [];
  let total = 0;
  let unfitTotal = 0;
  let noIdentifiers = 0;
  for await (const record of records) {
    total += 1;
    const { kid } = record;
    const known = kids.get(kid.toLowerCase());
    if (known !== undefined) known.count += 1;
    else if (versionOf(kid) !== null || noIdentifiers < mostNoIdentifiers) {
      kids.set(kid.toLowerCase(), { kid, count: 1 });
      if (versionOf(kid) === null) noIdentifiers += 1;
    }
    const reason = unfitness(record, key);
    if (reason === null) continue;
    unfitTotal += 1;
    if (unfit.length < mostUnfitNamed) unfit.push(reason);
  }
  if (unfitTotal > unfit.length) {
    const message = `${unfitTotal - unfit.length} more records cannot be rewrapped as they are.`;
    unfit.push({ code: 'more-records-unfit', message });
  }
  const ofThisKey = [...kids.values()].filter(({ kid }) => versionOf(kid) !== null && sameKey(kid, key));
  const [most = null] = ofThisKey.toSorted((a, b) => b.count - a.count);
  return { total, kids: [...kids.values()].map(({ kid }) => kid), mostNamed: most?.kid ?? null, unfit };
}

function unfitness(record: WrappedDataKey, key: string): Reason | null {
  try {
    fitDataKey(record, key);
    return null;
  } catch (error) {
    if (error instanceof RefusalError) return { code: error.code, message: error.message };
    throw error;
  }
}
