import type { LeftDataKey, PlannedTarget } from '../contracts/activities';
import type { Reason } from '../contracts/rotation';

/** What a pass over a store of data keys came to. */
export interface PassOver {
  readonly done: number;
  readonly left: number;
  /** The first hundred of those left. */
  readonly named: readonly LeftDataKey[];
}

/** All that a reason may say in names: it travels through durable history, alerts and the rotation's document. */
const mostCharacters = 6000;

/** Why a store is not wholly where it should be, and what to do; null where nothing was left. */
export function reasonLeft({ kind, name }: PlannedTarget, { done, left, named }: PassOver): Reason | null {
  if (left === 0) return null;
  const next =
    'Let their owner store them anew or restore them, and start again; until then the version they name must not be retired. The audit log names them too.';
  return {
    code: 'data-keys-left',
    message: `${left} of ${done + left} data keys of ${kind}/${name} were left as they were: ${listOf(named, left)}. ${next}`,
  };
}

/**
 * What a pass forward that left data keys means for the rotation: null if it goes on. A store of which nothing could be moved is no
 * store with a few bad keys, whatever was configured.
 */
export function refusalOf(target: PlannedTarget, pass: PassOver): Reason | null {
  const goesOn = target.onBadDataKey === 'finish' && pass.done > 0;
  return goesOn ? null : reasonLeft(target, pass);
}

function listOf(named: readonly LeftDataKey[], left: number): string {
  const shown: string[] = [];
  let length = 0;
  for (const { record, code } of named) {
    const text = `${record} (${code})`;
    length += text.length + 2;
    if (length > mostCharacters) break;
    shown.push(text);
  }
  const more = left - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
