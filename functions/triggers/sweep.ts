import { app, type InvocationContext, type Timer } from '@azure/functions';
import type { DurableClient } from 'durable-functions';
import * as df from 'durable-functions';
import type { Keyturn } from '../../shared/composition';
import { deliverOwed } from '../../shared/rotation/alerting';
import { lookAfterHistory, verifyAndTell } from '../../shared/rotation/history-care';
import { readFacts } from '../../shared/rotation/key-facts';
import type { Discovered } from '../../shared/rotation/ports';
import { sideBySide } from '../../shared/rotation/side-by-side';
import type { InstanceState, SweepAction } from '../../shared/rotation/sweep-action';
import { inTheirPlaces, missedStarted, sweepKey } from '../../shared/rotation/sweeping';
import { tellUntold } from '../../shared/rotation/telling-late';
import { watchKey } from '../../shared/rotation/watching';
import { startInstance, startRetirement, wake } from './starting';

/** Alerts are owed for minutes, lost events for hours at the most. */
const everyMinute = '20 * * * * *';
const everyQuarterOfAnHour = '40 7,22,37,52 * * * *';
const everyNight = '10 41 2 * * *';

/** Nothing depends on an event arriving: the sweep looks after every KEK by itself, and a broken one never stops the others. */
export function registerSweep({ ports }: Keyturn): void {
  app.timer('sweep', {
    schedule: everyQuarterOfAnHour,
    extraInputs: [df.input.durableClient()],
    handler: (_timer: Timer, context: InvocationContext): Promise<void> =>
      sweepAll({ ports, client: df.getClient(context), context }),
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

/** Keys that are looked at side by side; each asks its vault, its targets and storage some ten times. */
const atOnce = 8;

/** One sweep over every KEK, and the heartbeat that an alert rule can watch for: a log line, and `sweep` in `GET /api/health`. */
export async function sweepAll({ ports, client, context }: Sweeping): Promise<void> {
  const startedAt = ports.now().toISOString();
  const discovered = await ports.discovery.find().catch((error: unknown) => {
    context.error('sweep: what nobody configured could not be looked for', error);
    return null;
  });
  let failed = 0;
  await sideBySide(inTheirPlaces(ports.keys), atOnce, async (key) => {
    const broken = await sweepOne({ ports, client, context }, key, discovered);
    if (broken.length === 0) return;
    failed += 1;
    for (const error of broken) context.error(`sweep of ${key} failed; it is swept again next time`, error);
  });
  const end = { startedAt, finishedAt: ports.now().toISOString(), keys: ports.keys.length, failed };
  await ports.watch.putSweep(end).catch((error: unknown) => context.error('sweep: its end could not be noted', error));
  context.log(`sweep finished: ${ports.keys.length} keys, ${failed} failed`);
}

interface Sweeping {
  readonly ports: Keyturn['ports'];
  readonly client: DurableClient;
  readonly context: Pick<InvocationContext, 'log' | 'error'>;
}

/** Neither what a KEK needs, nor its history, nor what is to be told of it keeps the others from their turn. @returns what failed */
async function sweepOne(
  { ports, client, context }: Sweeping,
  key: string,
  discovered: Discovered | null,
): Promise<readonly unknown[]> {
  const facts = readFacts(ports, key);
  const parts = [
    async () => {
      for (const action of await sweepKey(ports, key, (id) => stateOf(client, id), facts)) {
        await carryOut(ports, client, key, action);
        context.log(`sweep: ${action.message}`);
      }
    },
    async () => {
      const untold = await tellUntold(ports, key, (id) => stateOf(client, id), facts);
      for (const message of untold) context.log(`sweep: ${message}`);
    },
    () => lookAfterHistory(ports, key),
    async () => {
      for (const message of await watchKey(ports, key, facts, discovered)) context.log(`sweep: ${message}`);
    },
  ];
  const broken: unknown[] = [];
  for (const part of parts) await part().catch((error: unknown) => broken.push(error));
  // What both read and neither could is one failure.
  return [...new Set(broken)];
}

async function carryOut(
  ports: Keyturn['ports'],
  client: DurableClient,
  key: string,
  action: SweepAction,
): Promise<void> {
  if (action.kind === 'wake') return wake(client, action.instanceId);
  if (action.kind === 'retire') return startRetirement(client, action);
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
