import { app, type InvocationContext, type Timer } from '@azure/functions';
import * as df from 'durable-functions';
import type { Keyturn } from '../../shared/composition';

const everyHour = '50 11 * * * *';

const { Canceled, Completed, Failed, Terminated } = df.OrchestrationRuntimeStatus;

/** The extension refuses to purge without a beginning. */
const beginning = new Date(0);

/**
 * The task hub keeps the history of every instance for ever unless somebody purges it. With one that ended long ago nothing is lost:
 * the outcome is in the ledger, in the rotation's document and in the audit log, and the sweep takes an instance that is not there for
 * one that has ended.
 */
export function registerEndedInstances({
  ports,
  instanceHistorySeconds,
}: Pick<Keyturn, 'ports' | 'instanceHistorySeconds'>): void {
  app.timer('purgeEndedInstances', {
    schedule: everyHour,
    extraInputs: [df.input.durableClient()],
    handler: async (_timer: Timer, context: InvocationContext): Promise<void> => {
      try {
        const { instancesDeleted } = await df.getClient(context).purgeInstanceHistoryBy({
          createdTimeFrom: beginning,
          createdTimeTo: new Date(ports.now().getTime() - instanceHistorySeconds * 1000),
          runtimeStatus: [Completed, Failed, Terminated, Canceled],
        });
        if (instancesDeleted > 0) context.log(`histories of ended instances purged: ${instancesDeleted}`);
      } catch (error) {
        context.error('the histories of ended instances could not be purged; it is tried again in an hour', error);
      }
    },
  });
}
