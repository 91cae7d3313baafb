import type { Scenario } from '../run/stage';

export const nothingToDo: Scenario = {
  name: 'nothing-to-do',
  title: 'an operator asks for the version that is in use already: skipped, nothing changed',
  expect: { phase: 'skipped', standsOn: 'previous', alert: null },
  async play(stage) {
    stage.say('POST /api/rotations, to the version in use');
    await stage.start({ reason: 'An operator asked for it.', toVersion: stage.previousVersion });
    await stage.ended();
    stage.must(
      (await stage.newestVersion()) === stage.previousVersion,
      'a version was made although there was nothing to do',
    );
  },
};
