import type { DurableClient } from 'durable-functions';
import type { RetirementRequest } from '../../shared/contracts/activities';
import type { Start } from '../../shared/rotation/requests';
import { wakeUp } from '../durable';
import { retireVersionName, storyOf } from '../orchestrators';

/** Starts a run under its fixed instance id. */
export const startInstance = (client: DurableClient, { instanceId, request }: Start): Promise<void> =>
  startUnder(client, storyOf[request.run ?? 'rotate'], instanceId, request);

/** Starts a retirement under its fixed instance id. */
export const startRetirement = (
  client: DurableClient,
  { instanceId, request }: { readonly instanceId: string; readonly request: RetirementRequest },
): Promise<void> => startUnder(client, retireVersionName, instanceId, request);

/** The client answers a running id with an error, which is as good as started; the claim, not the id, is what keeps a second run out. */
async function startUnder(client: DurableClient, name: string, instanceId: string, input: unknown): Promise<void> {
  try {
    await client.startNew(name, { instanceId, input });
  } catch (error) {
    if (!(await exists(client, instanceId))) throw error;
  }
}

async function exists(client: DurableClient, instanceId: string): Promise<boolean> {
  try {
    await client.getStatus(instanceId);
    return true;
  } catch {
    return false;
  }
}

/** Whether an instance is known to have ended; not knowing is no. */
export async function hasEnded(client: DurableClient, instanceId: string): Promise<boolean> {
  const status = await client.getStatus(instanceId).catch(() => null);
  return status !== null && ['Completed', 'Failed', 'Terminated', 'Canceled'].includes(status.runtimeStatus);
}

/** Wakes a waiting run. The command is in the ledger already, so a call that is lost or swallowed only costs time. */
export async function wake(client: DurableClient, instanceId: string): Promise<void> {
  await client.raiseEvent(instanceId, wakeUp, {}).catch(() => undefined);
}
