import {
  HubData,
  type KeyReference,
  ProvisioningData,
  ServiceKey,
  startHubDataPlane,
  startProvisioningDataPlane,
  VaultConnection,
} from '../data-plane';
import type { CloudContext, StandInServer } from '../kit';
import { ArmServer } from './arm-server';
import { DeviceResource } from './device-resource';
import { hubDescription, hubEncryption, iotHub } from './iot-hub';
import type { JsonObject } from './json';
import { changeModes, hubModes, provisioningModes, type ServiceModes } from './modes';
import { vaultBody } from './neighbours';
import { provisioningDescription, provisioningEncryption, provisioningService } from './provisioning-service';
import type { ArmHubSeed, ArmKekSeed, ArmProvisioningSeed, ArmSeed } from './seed';

export type { DeviceResource } from './device-resource';
export type { ServiceModes } from './modes';
export type { ArmHubSeed, ArmProvisioningSeed, ArmSeed } from './seed';

export interface ArmPorts {
  arm?: number;
  hubs?: Record<string, number>;
  provisioningServices?: Record<string, number>;
}

export interface ArmOptions {
  seed: ArmSeed;
  /** Base url of each vault by name, without a slash at the end; the vaults must be up: data keys are wrapped at the start. */
  vaults: Record<string, string>;
  /** 0 or absent = any free port. */
  ports?: ArmPorts;
}

export interface ArmStandIn {
  url: string;
  /** Base url of each hub's data plane by name. */
  hubs: Record<string, string>;
  /** Base url of each DPS's service API by name. */
  dps: Record<string, string>;
  /** A hub or DPS by name, as seen from behind its api. @throws Error for an unknown name */
  resource(name: string): DeviceResource;
  /** Changes modes of a hub or DPS from now on. @throws Error for an unknown name, mode or reading */
  setModes(name: string, modes: Partial<ServiceModes>): void;
  close(): Promise<void>;
}

/**
 * Starts ARM, and one data-plane server for each hub and DPS. The vaults and `context.permissions.assignments` must be there before.
 * @throws KeyVaultTrouble when a seeded identity cannot use its seeded key
 */
export async function startArm(context: CloudContext, options: ArmOptions): Promise<ArmStandIn> {
  const starter = new Starter(context, options);
  const hubs: Record<string, string> = {};
  const dps: Record<string, string> = {};
  for (const hub of options.seed.hubs) hubs[hub.name] = await starter.hub(hub);
  for (const service of options.seed.provisioningServices)
    dps[service.name] = await starter.provisioningService(service);
  const { devices } = starter;
  const arm = await new ArmServer(context, { devices, vaults: starter.vaults() }).start(options.ports?.arm ?? 0);
  const unsubscribe = context.bus.subscribe(({ type, data }) => {
    if (type !== 'Microsoft.KeyVault.KeyNewVersionCreated') return;
    for (const device of devices) device.key.newVersion(String(data['Id'] ?? ''));
  });
  const resource = (name: string): DeviceResource => {
    const found = devices.find((device) => device.name === name);
    if (found === undefined) throw new Error(`the seed has no hub or DPS '${name}'`);
    return found;
  };
  return {
    url: arm.url,
    hubs,
    dps,
    resource,
    setModes: (name, modes) => changeModes(resource(name).modes, modes),
    close: async () => {
      unsubscribe();
      await Promise.all([arm, ...starter.servers].map((server) => server.close()));
    },
  };
}

/** Brings up the seed's resources one by one: the data key first, then the data under it, the server, and what ARM shows. */
class Starter {
  readonly devices: DeviceResource[] = [];
  readonly servers: StandInServer[] = [];
  readonly #context: CloudContext;
  readonly #options: ArmOptions;
  readonly #vault: VaultConnection;

  constructor(context: CloudContext, options: ArmOptions) {
    this.#context = context;
    this.#options = options;
    this.#vault = new VaultConnection(context);
  }

  async hub(seed: ArmHubSeed): Promise<string> {
    const identity = this.#identity(seed.identity);
    const modes = modesOf(hubModes, seed);
    const reference = await this.#reference(seed.kek, identity.principalId);
    const data = new HubData();
    const key = await this.#key(modes, reference, (dataKey) => data.fill(seed.devices, dataKey));
    const place = this.#place(iotHub.type, seed.name, this.#options.ports?.hubs);
    const server = await startHubDataPlane(this.#context, place, data, key);
    const encryption = reference && hubEncryption(reference.keyIdentifier, identity.resourceId);
    const location = this.#context.location;
    const own = { locations: [{ location, role: 'primary' }], hostName: `localhost:${server.port}` };
    const description = hubDescription({
      name: seed.name,
      location,
      identity: userAssigned(identity.resourceId),
      encryption,
      secretRouting: seed.secretRouting ?? false,
    });
    this.devices.push(new DeviceResource(this.#context, iotHub, { ...place, description, own, modes, key }));
    this.servers.push(server);
    return server.url;
  }

  async provisioningService(seed: ArmProvisioningSeed): Promise<string> {
    const identity = this.#identity(seed.identity);
    const modes = modesOf(provisioningModes, seed);
    const reference = await this.#reference(seed.kek, identity.principalId);
    const data = new ProvisioningData();
    const key = await this.#key(modes, reference, (dataKey) => data.fill(seed.enrollments, dataKey));
    const place = this.#place(provisioningService.type, seed.name, this.#options.ports?.provisioningServices);
    const server = await startProvisioningDataPlane(this.#context, place, data, key);
    const own = {
      serviceOperationsHostName: `localhost:${server.port}`,
      deviceProvisioningHostName: 'global.azure-devices-provisioning.net',
      idScope: '0ne00000001',
    };
    const description = provisioningDescription({
      name: seed.name,
      location: this.#context.location,
      identity: userAssigned(identity.resourceId),
      encryption: reference && provisioningEncryption(reference.keyIdentifier, identity.resourceId),
      linkedHub: seed.linkedHub ?? false,
    });
    this.devices.push(
      new DeviceResource(this.#context, provisioningService, { ...place, description, own, modes, key }),
    );
    this.servers.push(server);
    return server.url;
  }

  /** Bodies of the vaults' GET by lower-case resource id. */
  vaults(): Map<string, JsonObject> {
    return new Map(
      this.#options.seed.vaults.map((vault) => {
        const resourceId = vault.resourceId ?? this.#resourceId('Microsoft.KeyVault/vaults', vault.name);
        return [resourceId.toLowerCase(), vaultBody(this.#context, vault, resourceId, this.#vaultUrl(vault.name))];
      }),
    );
  }

  #key(modes: ServiceModes, reference: KeyReference | null, fill: (key: Buffer) => void): Promise<ServiceKey> {
    return ServiceKey.create({ clock: this.#context.clock, vault: this.#vault, modes: () => modes, reference }, fill);
  }

  async #reference(kek: ArmKekSeed | null, principalId: string): Promise<KeyReference | null> {
    if (kek === null) return null;
    const unversioned = { keyIdentifier: `${this.#vaultUrl(kek.vault)}/keys/${kek.key}`, principalId };
    if (!kek.versioned) return unversioned;
    return { keyIdentifier: await this.#vault.versionBack(unversioned, kek.versionsBack ?? 0), principalId };
  }

  #identity(name: string): { principalId: string; resourceId: string } {
    const { principalId, resourceId } = this.#context.tokens.identity(name);
    if (resourceId === undefined)
      throw new Error(`identity '${name}' of the seed is not a user-assigned identity: it has no resourceId`);
    return { principalId, resourceId };
  }

  #place(
    type: string,
    name: string,
    ports: Record<string, number> | undefined,
  ): { name: string; resourceId: string; port: number } {
    return { name, resourceId: this.#resourceId(type, name), port: ports?.[name] ?? 0 };
  }

  #resourceId(type: string, name: string): string {
    const { subscriptionId, resourceGroup } = this.#context;
    return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/${type}/${name}`;
  }

  #vaultUrl(name: string): string {
    const url = this.#options.vaults[name];
    if (url === undefined) throw new Error(`the seed names a vault '${name}' that is not running`);
    return url.replace(/\/$/, '');
  }
}

function modesOf(
  defaults: ServiceModes,
  seed: { echoEncryption?: boolean; modes?: Partial<ServiceModes> },
): ServiceModes {
  const modes = { ...defaults };
  if (seed.echoEncryption !== undefined) modes.echoEncryption = seed.echoEncryption;
  changeModes(modes, seed.modes ?? {});
  return modes;
}

function userAssigned(resourceId: string): JsonObject {
  return { type: 'UserAssigned', userAssignedIdentities: { [resourceId]: {} } };
}
