import type { Wanted } from './rehearsal';
import { Rehearsal } from './rehearsal';
import type { ReadBack } from './stores';

export interface PlainLoop {
  readonly keysPerSecond: number;
  readonly found: ReadBack;
}

/** What a user would write instead, over a store like the others: `apps/plain-loop.ts` in a process of its own. */
export async function playPlainLoop(wanted: Wanted): Promise<PlainLoop> {
  const rehearsal = await Rehearsal.start(wanted);
  try {
    await rehearsal.beginCounting();
    const [part] = rehearsal.parts;
    if (part === undefined) throw new Error('there is no store');
    const nextKid = await rehearsal.newVersion(part);
    const { keys, milliseconds } = await rehearsal.runScript<{ keys: number; milliseconds: number }>('plain-loop.js', {
      TABLE: part.owned.table.tableName,
      NEXT_KID: nextKid,
    });
    return { keysPerSecond: keys / (milliseconds / 1000), found: await rehearsal.readBack() };
  } finally {
    await rehearsal.stop();
  }
}

/** What stands between a wrong answer, a second writer or a crash and a lost data key. */
export const whatEachVerifies: readonly string[] = [
  'what each of them verifies                                              Keyturn   plain loop',
  '  the old blob opened to the key its owner put there                    yes       no',
  '  the new blob opens, in the vault, to that same key                    yes       no',
  '  nobody changed the record meanwhile (If-Match)                        yes       no',
  '  the old blob is kept until the old version is retired                 yes       no',
  '  a stop, a pause or a newer run is seen before each batch of writes    yes       no',
  '  intent and outcome are in an audit that shows tampering               yes       no',
];
