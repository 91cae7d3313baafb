import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { CloudBus } from './bus';
import { SandboxClock } from './clock';
import { readFileIfThere, replaceFile } from './durable-file';
import { FaultBook } from './faults';
import { InFlight } from './in-flight';
import { Permissions } from './permissions';
import { RequestLog } from './request-log';
import { type Certificates, ensureCertificates } from './tls';
import { type Identity, TokenAuthority } from './tokens';

/** What every stand-in shares with the others of one local cloud. */
export interface CloudContext {
  clock: SandboxClock;
  flight: InFlight;
  faults: FaultBook;
  tokens: TokenAuthority;
  permissions: Permissions;
  certificates: Certificates;
  tenantId: string;
  subscriptionId: string;
  resourceGroup: string;
  location: string;
  requests: RequestLog;
  bus: CloudBus;
}

export interface ContextOptions {
  tenantId: string;
  subscriptionId: string;
  resourceGroup: string;
  location: string;
  identities: Identity[];
  tokenLifetimeSeconds?: number;
}

/** @param directory keeps the clock, the certificates and the token secret over restarts. */
export async function createContext(directory: string, options: ContextOptions): Promise<CloudContext> {
  const flight = new InFlight();
  const clock = new SandboxClock(join(directory, 'clock.json'), flight);
  return {
    clock,
    flight,
    faults: new FaultBook(clock),
    tokens: new TokenAuthority(
      options.identities,
      options.tokenLifetimeSeconds,
      tokenSecret(join(directory, 'token-secret')),
    ),
    permissions: new Permissions(),
    certificates: await ensureCertificates(directory),
    tenantId: options.tenantId,
    subscriptionId: options.subscriptionId,
    resourceGroup: options.resourceGroup,
    location: options.location,
    requests: new RequestLog(),
    bus: new CloudBus(),
  };
}

/** Kept, so that a token issued before a restart still holds after it, as it would in Azure. */
function tokenSecret(file: string): Buffer {
  const kept = readFileIfThere(file);
  if (kept !== undefined) return Buffer.from(kept, 'base64');
  const secret = randomBytes(32);
  replaceFile(file, secret.toString('base64'));
  return secret;
}
