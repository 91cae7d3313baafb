import type { Scenario } from '../run/stage';

/** Exit code of a host whose app throws while it loads. */
const APP_NOT_LOADED = 4;
const everyDay = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const night = { days: everyDay, from: '01:00', to: '05:00', timeZone: 'UTC' };
/** None of them opens, ever; each is another mistake. */
const windows = [
  { ...night, to: '01:00' },
  { ...night, days: [] },
  { ...night, timeZone: 'Europe/Atlantis' },
];

export const windowNeverOpens: Scenario = {
  name: 'window-never-opens',
  title: 'no change window can ever open: the app does not start and names every mistake; mended, the event is taken',
  expect: { phase: 'completed', standsOn: 'next', alert: 'Keyturn.Rotation.Completed' },
  async play(stage) {
    stage.say('somebody writes change windows that never open into rotation.json, and the app is started again');
    const { exitCode, message } = await stage.refusedToStart({ windows });
    stage.must(exitCode === APP_NOT_LOADED, `the host must end with ${APP_NOT_LOADED}, and ended with ${exitCode}`);
    const mistakes = windows.map((_, index) => `keys[0].windows[${index}]`);
    for (const mistake of mistakes) stage.must(message.includes(mistake), `${mistake} is not named in: ${message}`);
    stage.must((await stage.mutations()) === 0, 'something was changed by an app that has not started');
    stage.say('the windows are taken out');
    await stage.reconfigure({});
    await stage.nearExpiry();
    await stage.ended();
  },
};
