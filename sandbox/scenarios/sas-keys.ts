import { names } from '../run/seed';
import type { Scenario } from '../run/stage';

/** No document says what a PUT without keys does to them, so nothing depends on it: they are written back as they were. */
export const sasKeys: Scenario = {
  name: 'sas-keys',
  title: 'a PUT that comes without SAS keys would wipe them: there and back again every one is as it was',
  expect: {
    phase: 'rolled-back',
    standsOn: 'previous',
    alert: 'Keyturn.Rotation.RolledBack',
    alsoAllowed: ['Keyturn.Rotation.Completed'],
  },
  async play(stage) {
    const before = await stage.people.sasKeys();
    stage.must(Object.keys(before).length >= 4, 'there are too few SAS keys to prove anything');
    const same = async (when: string) => {
      const now = await stage.people.sasKeys();
      const changed = Object.keys({ ...before, ...now }).filter((name) => before[name] !== now[name]);
      stage.must(changed.length === 0, `${when} SAS keys are not as they were: ${changed.join('; ')}`);
    };
    await stage.nearExpiry();
    const rotation = await stage.ended();
    await same('after the rotation');
    await stage.operator.command(rotation, 'rollback');
    await stage.waitFor('everything to be back', ({ phase }) => phase === 'rolled-back');
    await same('after the rollback');
    stage.must(await stage.wentAndCameBack(names.hub), 'the hub was not written, so nothing was proved');
  },
};
