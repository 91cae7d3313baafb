import { deliverOwed, sendAlert, tell } from '../../../../shared/rotation/alerting';
import { FaultError } from '../../../../shared/rotation/errors';
import type { Alert } from '../../../../shared/rotation/ports';
import { fakeAlertChannel } from '../../../fakes/channels';
import { key, makeWorld, ready, rotationId, type World } from './world';

const alert: Alert = {
  id: 'run.holding.1',
  type: 'Keyturn.Rotation.Holding',
  subject: 'keys/kek',
  time: '2026-11-22T12:00:00.000Z',
  data: {},
};

const hand = (world: World) => tell(world.ports, alert, world.ports.now());

/** The same world with a second channel beside the first. */
function twoChannels() {
  const world = makeWorld();
  const second = fakeAlertChannel(world.effects, 'second');
  const ports = { ...world.ports, alerts: [world.alerts, second] };
  return { world: { ...world, ports }, second };
}

describe('an alert', () => {
  test('is kept before it is sent, and struck off when the channel took it', async () => {
    const world = makeWorld();
    await hand(world);
    expect(world.effects).toEqual(['put Keyturn.Rotation.Holding', 'send Keyturn.Rotation.Holding', 'delivered fake']);
    expect(world.outbox.owed()).toEqual([]);
  });

  test('that a channel does not take is owed, and the run goes on', async () => {
    const { world, second } = twoChannels();
    world.alerts.interfere.failAlways('send');
    await hand(world);
    expect(world.outbox.owed()).toMatchObject([{ alert: { id: alert.id }, channel: 'fake', attempts: 1 }]);
    expect(second.sent).toHaveLength(1);
  });

  test('that a channel takes need not be kept; one that is neither sent nor kept is a fault', async () => {
    const { world, second } = twoChannels();
    world.outbox.interfere.failAlways('put');
    await hand(world);
    expect(world.alerts.sent).toHaveLength(1);
    second.interfere.failAlways('send');
    await expect(hand(world)).rejects.toThrow(FaultError);
    // The channel that could was told all the same.
    expect(world.alerts.sent).toHaveLength(2);
  });

  test('that was kept although nobody heard so is sent once', async () => {
    const world = makeWorld();
    world.outbox.interfere.loseAnswer('put');
    await hand(world);
    world.pass(3600);
    expect(await deliverOwed(world.ports)).toBe(0);
    expect(world.alerts.sent).toHaveLength(1);
  });

  test('that is struck off too late is sent again under the same id, never lost', async () => {
    const world = makeWorld();
    world.outbox.interfere.fail('delivered');
    await hand(world);
    world.pass(3600);
    expect(await deliverOwed(world.ports)).toBe(1);
    expect(world.alerts.sent.map(({ id }) => id)).toEqual([alert.id, alert.id]);
    expect(world.outbox.owed()).toEqual([]);
  });

  test('is sent by every channel at once: one that is slow does not keep the others waiting', async () => {
    const { world, second } = twoChannels();
    let answer = (): void => undefined;
    const hanging = new Promise<void>((resolve) => {
      answer = resolve;
    });
    world.alerts.interfere.before('send', 1, () => hanging);
    const told = new Promise<void>((resolve) => {
      second.interfere.before('send', 1, () => resolve());
    });
    const handed = hand(world);
    await told;
    answer();
    await handed;
    expect(world.alerts.sent).toHaveLength(1);
  });

  test("without a channel is nobody's, and no fault", async () => {
    const world = makeWorld();
    await tell({ ...world.ports, alerts: [] }, alert, world.ports.now());
    expect(world.outbox.owed()).toEqual([]);
  });
});

describe('what is owed', () => {
  test('is tried again under the same id after 1, 2, 4 … minutes, six hours at the most, until it is taken', async () => {
    const world = makeWorld();
    world.alerts.interfere.failAlways('send');
    await hand(world);
    const waits: number[] = [];
    for (let tries = 0; tries < 12; tries++) {
      let minutes = 0;
      const before = world.alerts.interfere.calls('send');
      while (world.alerts.interfere.calls('send') === before) {
        world.pass(60);
        minutes += 1;
        expect(await deliverOwed(world.ports)).toBe(0);
      }
      waits.push(minutes);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]);
    world.alerts.interfere.heal();
    world.pass(6 * 3600);
    expect(await deliverOwed(world.ports)).toBe(1);
    expect(world.alerts.sent.map(({ id }) => id)).toEqual([alert.id]);
    world.pass(6 * 3600);
    expect(await deliverOwed(world.ports)).toBe(0);
  });

  test('by a channel that is away, however much, keeps no other waiting', async () => {
    const { world, second } = twoChannels();
    world.alerts.interfere.failAlways('send');
    for (let count = 0; count < 150; count++) {
      await world.outbox.put({ ...alert, id: `run.holding.${count}` }, [world.alerts.name], world.ports.now());
    }
    world.pass(60);
    await world.outbox.put(alert, [second.name], world.ports.now());
    expect(await deliverOwed(world.ports)).toBe(1);
    expect(second.sent.map(({ id }) => id)).toEqual([alert.id]);
  });

  test('that a channel does not take ends its turn in that round, and leaves the rest owed', async () => {
    const world = makeWorld();
    world.alerts.interfere.failAlways('send');
    await hand(world);
    await tell(world.ports, { ...alert, id: 'run.holding.2' }, world.ports.now());
    world.pass(60);
    const tried = world.alerts.interfere.calls('send');
    expect(await deliverOwed(world.ports)).toBe(0);
    expect(world.alerts.interfere.calls('send')).toBe(tried + 1);
    expect(world.outbox.owed()).toHaveLength(2);
  });

  test('to one channel is not sent to another', async () => {
    const { world, second } = twoChannels();
    second.interfere.fail('send');
    await hand(world);
    world.pass(60);
    expect(await deliverOwed(world.ports)).toBe(1);
    expect([world.alerts.sent.length, second.sent.length]).toEqual([1, 1]);
  });

  test('to a channel that is not configured any more is forgotten', async () => {
    const world = makeWorld();
    world.alerts.interfere.fail('send');
    await hand(world);
    world.pass(3600);
    expect(await deliverOwed({ ...world.ports, alerts: [fakeAlertChannel([], 'other')] })).toBe(0);
    expect(world.outbox.owed()).toEqual([]);
  });

  test('is not counted as owed anew when its failure cannot be noted', async () => {
    const world = makeWorld();
    world.alerts.interfere.failAlways('send');
    world.outbox.interfere.fail('failed');
    await hand(world);
    expect(world.outbox.owed()).toMatchObject([{ attempts: 0 }]);
  });
});

test('I2: an alert of a run has one id for one occasion, another for the next, and one record each', async () => {
  const world = makeWorld();
  const run = await ready(world);
  const send = (occasion: string) =>
    sendAlert(world.ports, { run, now: world.pass(1), alert: 'holding', occasion, reasons: [] });
  const [first, again, other] = [await send('a'), await send('a'), await send('b')];
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
  expect(first.alertId).toContain(rotationId);
  expect(world.auditLog.stored(key).filter(({ action }) => action === 'alert')).toHaveLength(2);
});

test('a run that completes without some data keys does not say that every target was moved', async () => {
  const world = makeWorld();
  const run = await ready(world);
  const reasons = [{ code: 'data-keys-left', message: '2 of 12 data keys were left: p/r1 (record-garbled), 1 more.' }];
  await sendAlert(world.ports, { run, now: world.pass(1), alert: 'completed', occasion: '', reasons });
  const data = world.alerts.sent[0]?.data;
  expect(data).toMatchObject({ reasons });
  expect(String(data?.['done'])).toMatch(/but for the data keys/);
  expect(String(data?.['left'])).toMatch(/store them anew.*rollback/);
  expect(String(data?.['left'])).not.toMatch(/^Nothing/);
});
