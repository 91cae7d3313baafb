import type { Scenario } from '../run/stage';

const REPLACED = 'document-0007';

/** The old blob would open nothing any more: going back to it would lose the document. */
export const ownerReplaces: Scenario = {
  name: 'owner-replaces',
  title: 'the owner replaces a data key during the soak, then all go back: his new key too, and every document opens',
  expect: { phase: 'rolled-back', standsOn: 'previous', alert: 'Keyturn.Rotation.RolledBack' },
  async play(stage) {
    await stage.nearExpiry();
    const rotation = await stage.waitFor('the soak', ({ phase }) => phase === 'soaking');
    await stage.hold();
    stage.say(`the owner puts ${REPLACED} under a new data key, wrapped with the next version`);
    await stage.people.replaceDataKey(REPLACED);
    const under = await stage.people.versionOfRecord(REPLACED);
    stage.must(under === rotation.nextVersion, 'the new data key is not wrapped with the next version');
    await stage.operator.command(rotation, 'rollback');
    await stage.release();
    await stage.ended();
    const back = await stage.people.versionOfRecord(REPLACED);
    stage.must(back === stage.previousVersion, 'the replaced data key was left behind on the next version');
  },
};
