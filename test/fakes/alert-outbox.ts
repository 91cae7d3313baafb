import type { Alert, AlertOutbox, OwedAlert } from '../../shared/rotation/ports';
import { type Fake, interference } from './interference';

interface Owed extends OwedAlert {
  readonly nextAttemptAt: Date;
}

/** What channels still owe, in memory; `owed` shows it, in the order in which it was put in. */
export function fakeAlertOutbox(effects: string[] = []): Fake<AlertOutbox, { owed(): readonly OwedAlert[] }> {
  const { interfere, run } = interference<AlertOutbox>(effects);
  const rows = new Map<string, Owed>();
  const nameOf = ({ channel, alert }: { channel: string; alert: Pick<Alert, 'id'> }): string =>
    `${channel} ${alert.id}`;
  const tell = ({ alert, channel, attempts }: Owed): OwedAlert => structuredClone({ alert, channel, attempts });
  return {
    interfere,
    owed: () => [...rows.values()].map(tell),
    put: (alert, channels, dueAt = new Date(alert.time)) =>
      run('put', alert.type, () => {
        for (const channel of channels) {
          const owed = { alert: structuredClone(alert), channel, attempts: 0, nextAttemptAt: dueAt };
          if (!rows.has(nameOf(owed))) rows.set(nameOf(owed), owed);
        }
      }),
    due: (now, limitPerChannel) =>
      run('due', '', () =>
        [...rows.values()]
          .filter(({ nextAttemptAt }) => nextAttemptAt <= now)
          .sort((a, b) => a.nextAttemptAt.getTime() - b.nextAttemptAt.getTime())
          .filter(({ channel }, index, all) => {
            const before = all.slice(0, index).filter((each) => each.channel === channel);
            return before.length < limitPerChannel;
          })
          .map(tell),
      ),
    delivered: (owed) =>
      run('delivered', owed.channel, () => {
        rows.delete(nameOf(owed));
      }),
    failed: (owed, nextAttemptAt) =>
      run('failed', owed.channel, () => {
        const known = rows.get(nameOf(owed));
        if (known !== undefined) rows.set(nameOf(owed), { ...known, attempts: owed.attempts + 1, nextAttemptAt });
      }),
  };
}
