import { join } from 'node:path';
import { type RunningKeyVault, startKeyVault } from '../key-vault';
import {
  type CloudContext,
  createContext,
  type Identity,
  readFileIfThere,
  replaceFile,
  type StandInRequest,
  type StandInResponse,
  type StandInServer,
} from '../kit';
import { type LogAnalytics, startLogAnalytics } from '../log-analytics';
import { ControlServer } from './control-server';
import { type OtherServices, startOtherServices } from './other-services';
import { FIXED_PORTS } from './ports';
import { roleAssignment } from './scopes';
import type { CloudSeed } from './seed';
import { TimeTravel } from './time-travel';
import { startTokenServers, type TokenServers } from './token-server';

/** Where everything is; what `main` prints. */
export interface CloudAddresses {
  vaults: Record<string, string>;
  arm: string;
  token: string;
  identityEndpoint: string;
  identityHeader: string;
  eventGrid: string;
  alertTopic: string;
  alertTopicKey: string;
  hubs: Record<string, string>;
  dps: Record<string, string>;
  /** Log Analytics' query endpoint, without the version. */
  logs: string;
  control: string;
  /** PEM file of the CA to trust. */
  ca: string;
}

export interface RunningCloud {
  context: CloudContext;
  addresses: CloudAddresses;
  vaults: ReadonlyMap<string, RunningKeyVault>;
  timeTravel: TimeTravel;
  close(): Promise<void>;
}

/** Which port something gets. */
export type PortOf = (service: keyof typeof FIXED_PORTS, index?: number) => number;

/**
 * Starts the whole local cloud in this process.
 *
 * @param directory keeps clock, certificates, keys and resources over restarts.
 * @throws Error for a seed that contradicts itself, and the listen error when a fixed port is taken; nothing stays behind then.
 */
export async function startCloud(seed: CloudSeed, directory: string, ports: 'auto' | 'fixed'): Promise<RunningCloud> {
  const context = await createContext(directory, seed);
  context.permissions.assignments = seed.roleAssignments.map((wanted) => roleAssignment(context, seed, wanted));
  const portOf: PortOf = (service, index = 0) => (ports === 'auto' ? 0 : FIXED_PORTS[service] + index);
  const started: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    context.clock.stop();
    for (const service of [...started].reverse()) await service.close();
  };
  const keep = <T extends { close(): Promise<void> }>(service: T): T => {
    started.push(service);
    return service;
  };
  try {
    const tokens = keep(await startTokens(context, seed, directory, portOf));
    const vaults = new Map<string, RunningKeyVault>();
    for (const [index, vault] of seed.vaults.entries()) {
      const options = { directory, port: portOf('vaults', index), tokenUrl: tokens.token };
      vaults.set(vault.name, keep(await startKeyVault(context, vault, options)));
    }
    const vaultUrls = Object.fromEntries([...vaults].map(([name, { url }]) => [name, url]));
    const logs = keep(await startLogAnalytics(context, vaults, portOf('logs')));
    const others = keep(await startOtherServices(context, seed, portOf, vaultUrls));
    const timeTravel = new TimeTravel(context.clock, context.flight);
    keep({ close: async () => timeTravel.stop() });
    const addresses: CloudAddresses = {
      ...addressesOf(tokens, others, context),
      vaults: vaultUrls,
      logs: logs.url,
      control: '',
    };
    const { alerts, deliveries, handleControl } = others;
    const controlled = {
      seed,
      vaults,
      timeTravel,
      addresses: () => ({ ...addresses }),
      alerts,
      deliveries,
      others: async (request: StandInRequest) => setLogModes(logs, request) ?? handleControl(request),
    };
    const control: StandInServer = keep(await new ControlServer(context, controlled).start(portOf('control')));
    addresses.control = control.url;
    return { context, addresses, vaults, timeTravel, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** `POST /modes/logs` changes how late the log comes, in which table, or that it stands still. */
function setLogModes(logs: LogAnalytics, { method, path, body }: StandInRequest): StandInResponse | undefined {
  if (method !== 'POST' || path !== '/modes/logs') return undefined;
  logs.setModes((body ?? {}) as Parameters<LogAnalytics['setModes']>[0]);
  return { status: 204 };
}

function addressesOf(
  tokens: TokenServers,
  others: OtherServices,
  context: CloudContext,
): Omit<CloudAddresses, 'vaults' | 'logs' | 'control'> {
  const { arm, eventGrid, alertTopic, alertTopicKey, hubs, dps } = others;
  const { token, identityEndpoint, identityHeader } = tokens;
  return {
    arm,
    token,
    identityEndpoint,
    identityHeader,
    eventGrid,
    alertTopic,
    alertTopicKey,
    hubs,
    dps,
    ca: context.certificates.caFile,
  };
}

function startTokens(context: CloudContext, seed: CloudSeed, directory: string, portOf: PortOf): Promise<TokenServers> {
  const headerFile = join(directory, 'identity-header');
  const kept = readFileIfThere(headerFile);
  const known = (name: string): Identity | undefined => context.tokens.find(name);
  const standard = seed.defaultIdentity ?? (known('reader') === undefined ? 'owner' : 'reader');
  return startTokenServers(context, {
    appIdentity: context.tokens.identity(seed.appIdentity ?? 'keyturn'),
    defaultIdentity: context.tokens.identity(standard),
    tokenPort: portOf('token'),
    identityPort: portOf('identityEndpoint'),
    ...(kept === undefined ? {} : { identityHeader: kept }),
  }).then((tokens) => {
    if (kept === undefined) replaceFile(headerFile, tokens.identityHeader);
    return tokens;
  });
}
