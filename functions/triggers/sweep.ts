import { app, type InvocationContext, type Timer } from '@azure/functions';
import type { DurableClient } from 'durable-functions';
import * as df from 'durable-functions';
import type { Keyturn } from '../../shared/composition';
import { deliverOwed } from '../../shared/rotation/alerting';
import { lookAfterHistory, verifyAndTell } from '../../shared/rotation/history-care';
import type { InstanceState, SweepAction } from '../../shared/rotation/sweep-action';
import { missedStarted, sweepKey } from '../../shared/rotation/sweeping';
import { retireVersionName } from '../orchestrators';
import { startInstance, wake } from './starting';

/** Alerts are owed for minutes, lost events for hours at the most. */
const everyMinute = '20 * * * * *';
const everyQuarterOfAnHour = '40 7,22,37,52 * * * *';
const everyNight = '10 41 2 * * *';

/** Nothing depends on an event arriving: the sweep looks after every KEK by itself, and a broken one never stops the others. */
export function registerSweep({ ports }: Keyturn): void {
  app.timer('sweep', {
    schedule: everyQuarterOfAnHour,
    extraInputs: [df.input.durableClient()],
    handler: async (_timer: Timer, context: InvocationContext): Promise<void> => {
      const client = df.getClient(context);
      let failed = 0;
      for (const key of ports.keys) {
        try {
          for (const action of await sweepKey(ports, key, (id) => stateOf(client, id))) {
            await carryOut(ports, client, key, action);
            context.log(`sweep: ${action.message}`);
          }
          await lookAfterHistory(ports, key);
        } catch (error) {
          failed += 1;
          context.error(`sweep of ${key} failed; it is swept again next time`, error);
        }
      }
      // The heartbeat that an alert rule can watch for.
      context.log(`sweep finished: ${ports.keys.length} keys, ${failed} failed`);
    },
  });
  app.timer('verifyHistories', {
    schedule: everyNight,
    handler: async (_timer: Timer, context: InvocationContext): Promise<void> => {
      for (const key of ports.keys) await verifyOne(ports, key, context);
    },
  });
  app.timer('deliverAlerts', {
    schedule: everyMinute,
    handler: async (_timer: Timer, context: InvocationContext): Promise<void> => {
      const delivered = await deliverOwed(ports);
      if (delivered > 0) context.log(`alerts delivered late: ${delivered}`);
    },
  });
}

/** One history that cannot be read never stops the others. */
async function verifyOne(ports: Keyturn['ports'], key: string, context: InvocationContext): Promise<void> {
  try {
    const { ok, records, brokenAt } = await verifyAndTell(ports, key);
    const said = ok
      ? 'holds'
      : `is broken at record ${brokenAt?.sequence} of chain ${brokenAt?.chain}: ${brokenAt?.fault}`;
    context.log(`history of ${key}: ${records} records, ${said}`);
  } catch (error) {
    context.error(`the history of ${key} could not be verified; it is tried again tomorrow`, error);
  }
}

async function carryOut(
  ports: Keyturn['ports'],
  client: DurableClient,
  key: string,
  action: SweepAction,
): Promise<void> {
  if (action.kind === 'wake') return wake(client, action.instanceId);
  if (action.kind === 'retire') {
    const { instanceId, request } = action;
    await client.startNew(retireVersionName, { instanceId, input: request });
    return;
  }
  await startInstance(client, action.start);
  if (action.event !== null) await missedStarted(ports, key, action.event);
}

const alive: ReadonlySet<string> = new Set(['Running', 'Pending', 'ContinuedAsNew', 'Suspended']);

async function stateOf(client: DurableClient, instanceId: string): Promise<InstanceState> {
  try {
    const { runtimeStatus } = await client.getStatus(instanceId);
    return alive.has(runtimeStatus) ? 'running' : 'ended';
  } catch (error) {
    // The client throws for an instance that is not there; what else it throws is no proof of that.
    if (error instanceof Error && /404|not found/i.test(error.message)) return 'gone';
    throw error;
  }
}
