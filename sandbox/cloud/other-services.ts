import { type ArmStandIn, type ServiceModes, startArm } from '../arm';
import { type EventGridStandIn, startEventGrid } from '../event-grid';
import type { CloudContext, StandInRequest, StandInResponse } from '../kit';
import { resourceIdOf } from './scopes';
import type { CloudSeed } from './seed';
import type { PortOf } from './start';

/** The parts of the local cloud beside Key Vault and tokens, as one. */
export interface OtherServices {
  arm: string;
  eventGrid: string;
  alertTopic: string;
  alertTopicKey: string;
  hubs: Record<string, string>;
  dps: Record<string, string>;
  alerts(): unknown;
  deliveries(): unknown;
  /** Their routes on the control server; undefined for a path that is none of theirs. */
  handleControl(request: StandInRequest): Promise<StandInResponse | undefined>;
  close(): Promise<void>;
}

/** Starts ARM with the hubs and provisioning services, and Event Grid. The vaults and role assignments must be there before. */
export async function startOtherServices(
  context: CloudContext,
  seed: CloudSeed,
  portOf: PortOf,
  vaults: Record<string, string>,
): Promise<OtherServices> {
  const numbered = (service: 'hubs' | 'provisioningServices'): Record<string, number> =>
    Object.fromEntries(seed[service].map(({ name }, index) => [name, portOf(service, index)]));
  const ports = {
    arm: portOf('arm'),
    hubs: numbered('hubs'),
    provisioningServices: numbered('provisioningServices'),
  };
  const arm = await startArm(context, { seed, vaults, ports });
  const { eventSubscriptions, alertTopic } = seed;
  const [vault] = seed.vaults;
  const source = vault === undefined ? {} : { defaultSource: resourceIdOf(`vault:${vault.name}`, seed) };
  const eventGridPorts = { eventGrid: portOf('eventGrid'), alertTopic: portOf('alertTopic') };
  const eventGrid: EventGridStandIn = await startEventGrid(
    context,
    { eventSubscriptions, alertTopic, ...source },
    eventGridPorts,
  ).catch(async (error: unknown) => {
    await arm.close();
    throw error;
  });
  return {
    arm: arm.url,
    hubs: arm.hubs,
    dps: arm.dps,
    eventGrid: eventGrid.url,
    alertTopic: eventGrid.alertTopicUrl,
    alertTopicKey: eventGrid.alertTopicKey,
    alerts: () => eventGrid.alerts(),
    deliveries: () => eventGrid.deliveries(),
    handleControl: async (request) => setModes(arm, request),
    close: async () => {
      await Promise.all([arm.close(), eventGrid.close()]);
    },
  };
}

/** `POST /modes/<hub or DPS>` changes how that service reads what Azure does not tell, from now on. */
function setModes(arm: ArmStandIn, request: StandInRequest): StandInResponse | undefined {
  const name = /^\/modes\/([^/]+)$/.exec(request.path)?.[1];
  if (request.method !== 'POST' || name === undefined) return undefined;
  arm.setModes(decodeURIComponent(name), (request.body ?? {}) as Partial<ServiceModes>);
  return { status: 204 };
}
