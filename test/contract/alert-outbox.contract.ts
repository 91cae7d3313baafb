import { randomUUID } from 'node:crypto';
import type { Alert, AlertOutbox, OwedAlert } from '../../shared/rotation/ports';

/** What Keyturn relies on of the outbox of its alerts, held against one. Every test takes channels of its own. */
export function describeAlertOutboxContract(name: string, setup: () => Promise<AlertOutbox>): void {
  describe(`the alert outbox contract, kept by ${name}`, () => {
    let outbox: AlertOutbox;
    let topic: string;
    let webhook: string;

    beforeAll(async () => {
      outbox = await setup();
    });
    beforeEach(() => {
      topic = `topic-${randomUUID()}`;
      webhook = `webhook-${randomUUID()}`;
    });
    /** What is due of the channels of this test. */
    const due = async (minute: number): Promise<OwedAlert[]> =>
      (await outbox.due(instant(minute), 1000)).filter(({ channel }) => channel === topic || channel === webhook);
    const owed = (alert: Alert, channel: string, attempts = 0): OwedAlert => ({ alert, channel, attempts });

    test('an alert is owed to every channel, as it was put in, from its own time on', async () => {
      const alert = alertAt(5);
      await outbox.put(alert, [topic, webhook]);
      expect(await due(4)).toEqual([]);
      const found = await due(5);
      expect(found).toHaveLength(2);
      expect(found).toEqual(expect.arrayContaining([owed(alert, topic), owed(alert, webhook)]));
    });

    test('the same id again changes nothing, whatever it says now', async () => {
      const alert = alertAt(1);
      await outbox.put(alert, [topic]);
      await outbox.failed(owed(alert, topic), instant(2));
      await outbox.put({ ...alert, subject: 'another' }, [topic]);
      expect(await due(9)).toEqual([owed(alert, topic, 1)]);
    });

    test('the same id again is owed to the channel that has not got it yet', async () => {
      const alert = alertAt(1);
      await outbox.put(alert, [topic]);
      await outbox.put(alert, [topic, webhook]);
      expect(await due(1)).toHaveLength(2);
    });

    test('what one channel has taken is still owed to the other', async () => {
      const alert = alertAt(1);
      await outbox.put(alert, [topic, webhook]);
      await outbox.delivered({ channel: topic, alert });
      expect(await due(9)).toEqual([owed(alert, webhook)]);
    });

    test('what failed is due again at its next attempt, with one more attempt', async () => {
      const alert = alertAt(1);
      await outbox.put(alert, [topic]);
      await outbox.failed(owed(alert, topic), instant(3));
      expect(await due(2)).toEqual([]);
      expect(await due(3)).toEqual([owed(alert, topic, 1)]);
      await outbox.failed(owed(alert, topic, 1), instant(7));
      expect(await due(6)).toEqual([]);
      expect(await due(7)).toEqual([owed(alert, topic, 2)]);
    });

    test('those longest due come first, and no more than asked for', async () => {
      const alerts = [alertAt(3), alertAt(1), alertAt(2)] as const;
      for (const alert of alerts) await outbox.put(alert, [topic]);
      expect((await due(9)).map(({ alert }) => alert.time)).toEqual([1, 2, 3].map((at) => instant(at).toISOString()));
      const first = (await outbox.due(instant(9), 1)).filter(({ channel }) => channel === topic);
      expect(first).toEqual([owed(alerts[1], topic)]);
    });

    test('however much one channel owes, of another as much is found', async () => {
      const alerts = [1, 2, 3].map(alertAt);
      for (const alert of alerts) await outbox.put(alert, [topic]);
      const late = alertAt(8);
      await outbox.put(late, [webhook]);
      const found = (await outbox.due(instant(9), 2)).filter(({ channel }) => [topic, webhook].includes(channel));
      expect(found.map(({ channel, alert }) => [channel, alert.id])).toEqual([
        [topic, alerts[0]?.id],
        [topic, alerts[1]?.id],
        [webhook, late.id],
      ]);
    });

    test('what nobody owes can be struck off or put off, and stays away', async () => {
      const alert = alertAt(1);
      await outbox.delivered({ channel: topic, alert });
      await outbox.failed(owed(alert, topic), instant(2));
      expect(await due(9)).toEqual([]);
    });

    test('an id that no table would take as a key, and long contents, come back unchanged', async () => {
      const alert = {
        ...alertAt(1),
        id: `a/b\\c#d?e é ${randomUUID()}`,
        data: { long: 'é'.repeat(70_000), nothing: null },
      };
      await outbox.put(alert, [topic]);
      expect(await due(1)).toEqual([owed(alert, topic)]);
      await outbox.delivered({ channel: topic, alert });
      expect(await due(1)).toEqual([]);
    });
  });
}

const instant = (minute: number): Date => new Date(Date.UTC(2026, 10, 22, 14, minute));

const alertAt = (minute: number): Alert => ({
  id: `run.completed.1.${randomUUID()}`,
  type: 'Keyturn.Rotation.Completed',
  subject: 'keys/kek',
  time: instant(minute).toISOString(),
  data: { phase: 'completed', targets: [{ kind: 'dps', done: 1 }] },
});
