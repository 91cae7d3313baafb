import type { Scenario } from '../run/stage';

const HOUR = 3_600_000;
const opens = new Date(Math.ceil(Date.now() / HOUR) * HOUR + 3 * HOUR);
/** Of every day: when the key comes near its expiry it is not open. */
const isInWindow = (at: string): boolean => (Date.parse(at) - opens.getTime()) % (24 * HOUR) < 2 * HOUR;
const timeOfDay = (at: Date): string => at.toISOString().slice(11, 16);

export const changeWindow: Scenario = {
  name: 'change-window',
  title: 'a key is near its expiry outside its change windows: it is planned, and nothing is changed before one opens',
  settings: {
    windows: [
      {
        days: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
        from: timeOfDay(opens),
        to: timeOfDay(new Date(opens.getTime() + 2 * HOUR)).replace('00:00', '24:00'),
        timeZone: 'UTC',
      },
    ],
  },
  expect: { phase: 'completed', standsOn: 'next', alert: 'Keyturn.Rotation.Completed' },
  async play(stage) {
    stage.say(`the change window opens at ${timeOfDay(opens)} UTC`);
    await stage.nearExpiry();
    const { rotationId } = await stage.ended();
    const { body } = await stage.http(`/api/rotations/${rotationId}/audit?limit=200`);
    const { items } = body as { readonly items: readonly { readonly action: string; readonly at: string }[] };
    const instants = (action: string) => items.filter((each) => each.action === action).map(({ at }) => at);
    const [planned = ''] = instants('plan');
    stage.must(!isInWindow(planned), 'the window was open when the rotation was planned');
    for (const moved of instants('rewrap'))
      stage.must(isInWindow(moved), `a target moved outside the window, at ${moved}`);
  },
};
