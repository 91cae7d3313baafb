import { type EventGridStandIn, startEventGrid } from '../event-grid';
import type { CloudContext, StandInRequest, StandInResponse } from '../kit';
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

export async function startOtherServices(
  context: CloudContext,
  seed: CloudSeed,
  _directory: string,
  portOf: PortOf,
  _vaultUrls: Record<string, string>,
): Promise<OtherServices> {
  const eventGrid: EventGridStandIn = await startEventGrid(context, seed, {
    eventGrid: portOf('eventGrid'),
    alertTopic: portOf('alertTopic'),
  });
  return {
    arm: '',
    hubs: {},
    dps: {},
    eventGrid: eventGrid.url,
    alertTopic: eventGrid.alertTopicUrl,
    alertTopicKey: eventGrid.alertTopicKey,
    alerts: () => eventGrid.alerts(),
    deliveries: () => eventGrid.deliveries(),
    handleControl: async () => undefined,
    close: () => eventGrid.close(),
  };
}
