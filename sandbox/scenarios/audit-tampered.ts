import type { Scenario, Stage } from '../run/stage';
import { verdictOf } from './steps/history';

/** Each kind of tampering by itself, put right again afterwards, and what verification must say of it. */
const attempts: readonly [what: string, act: (stage: Stage) => Promise<void>, fault: string, sequence: number][] = [
  ['edits record 3', ({ intruder }) => intruder.edit(3, 'Nothing happened.'), 'edited', 3],
  ['removes record 4', ({ intruder }) => intruder.remove(4), 'removed', 4],
  ['lets records 4 and 6 change places', ({ intruder }) => intruder.swap(4, 6), 'reordered', 4],
  ['cuts off what follows record 9, signed heads and all', ({ intruder }) => intruder.cutAfter(9), 'cut-off', 10],
];

/** The chain alone would show none of the last one; the signed head and its anchor do. */
export const auditTampered: Scenario = {
  name: 'audit-tampered',
  title:
    'somebody edits, removes, moves, cuts off and rewrites history in the table: each is named; a new chain says why',
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.History.Broken',
    alsoAllowed: ['Keyturn.Rotation.Completed'],
    rotations: 2,
    history: 'broken',
  },
  async play(stage) {
    await stage.nearExpiry();
    await stage.ended();
    await stage.alert('Keyturn.Rotation.Completed');
    await stage.until('the history to be signed and anchored', async () => {
      const { ok, assurance, chains, records } = await verdictOf(stage);
      return ok && assurance === 'anchored' && chains[0]?.signedTo === records;
    });
    const putBack = await stage.intruder.remember();
    for (const [what, act, fault, sequence] of attempts) {
      await act(stage);
      await mustName(stage, what, fault, sequence);
      await putBack();
    }
    stage.must((await verdictOf(stage)).ok, 'the history was put back as it was, and does not hold');
    await stage.intruder.rewriteFrom(3, 'Nothing happened.');
    await mustName(stage, 'rewrites everything from record 3 on, hashes and head', 'forged', 1);
    await stage.operator.run('verifyHistories');
    await stage.alert('Keyturn.History.Broken');
    stage.say('the nightly verification has begun a new chain; a second rotation is told of there');
    await stage.start({ reason: 'After the break.' });
    await stage.ended();
    await stage.alert('Keyturn.Rotation.Completed', 2);
    const { ok, chains } = await verdictOf(stage);
    const [old, fresh] = chains;
    stage.must(!ok && old?.ok === false, 'the history was tampered with, and verification does not say so any more');
    stage.must(fresh?.ok === true && fresh.begins?.brokenChain === 1, 'the new chain does not hold, or not say why');
    stage.must((fresh?.records ?? 0) > 10, 'the second rotation was not told of in the new chain');
  },
};

async function mustName(stage: Stage, what: string, fault: string, sequence: number): Promise<void> {
  const { ok, brokenAt } = await verdictOf(stage);
  stage.say(`somebody ${what}: ${ok ? 'nobody sees it' : `${brokenAt?.fault}, record ${brokenAt?.sequence}`}`);
  const named = !ok && brokenAt?.fault === fault && brokenAt.sequence === sequence;
  stage.must(named, `somebody ${what}, and that is said to be ${brokenAt?.fault} at ${brokenAt?.sequence}`);
}
