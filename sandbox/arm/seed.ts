import type { CloudSeed, HubSeed, KekSeed, ProvisioningServiceSeed } from '../cloud/seed';
import type { ServiceModes } from './modes';

/** The seed's key, and how many versions before the newest the service stands on (0 unless set). */
export type ArmKekSeed = KekSeed & { versionsBack?: number };

export interface ArmHubSeed extends HubSeed {
  kek: ArmKekSeed | null;
  modes?: Partial<ServiceModes>;
  /** Gives the hub a routing endpoint and file storage whose connection strings GET masks. */
  secretRouting?: boolean;
}

export interface ArmProvisioningSeed extends ProvisioningServiceSeed {
  kek: ArmKekSeed | null;
  modes?: Partial<ServiceModes>;
  /** Gives the DPS a linked hub whose connection string GET masks. */
  linkedHub?: boolean;
}

/** What ARM needs of the seed: the resources it shows. Role assignments are in `context.permissions` already. */
export type ArmSeed = Pick<CloudSeed, 'vaults'> & {
  hubs: ArmHubSeed[];
  provisioningServices: ArmProvisioningSeed[];
};
