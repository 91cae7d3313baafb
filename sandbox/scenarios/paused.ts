import { names } from '../run/seed';
import type { Scenario } from '../run/stage';

const PAUSE_HOURS = 30;

export const paused: Scenario = {
  name: 'paused',
  title: `an operator pauses in the middle for ${PAUSE_HOURS} h and resumes: nothing begins meanwhile, then it completes`,
  expect: { phase: 'completed', standsOn: 'next', alert: 'Keyturn.Rotation.Completed' },
  async play(stage) {
    await stage.slowDownDps();
    await stage.nearExpiry();
    const rotation = await stage.hubMovedAlone();
    await stage.operator.command(rotation, 'pause');
    stage.say('an operator has paused the rotation, while the DPS works on its change');
    await stage.waitFor('the rotation to say that it is paused', ({ waitingFor }) => waitingFor === 'pause');
    const before = await stage.mutations();
    const later = new Date((await stage.now()).getTime() + PAUSE_HOURS * 3_600_000);
    await stage.advanceTo(later, 'while the rotation is paused');
    const again = await stage.operator.refused(rotation, 'pause');
    stage.must(again.allowed?.includes('resume') === true, 'whoever pauses twice is not told that he can resume');
    stage.must((await stage.mutations()) === before, 'something was begun while the rotation was paused');
    await stage.operator.command(rotation, 'resume');
    stage.say('an operator has resumed it');
    await stage.ended();
    stage.must(!(await stage.wentAndCameBack(names.hub)), 'the hub was changed more than once');
  },
};
