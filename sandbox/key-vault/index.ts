import { createHash } from 'node:crypto';
import type { VaultSeed } from '../cloud/seed';
import { type CloudContext, type StandInRequest, startServer } from '../kit';
import { routeOf } from './routes';
import { KeyVaultService } from './service';
import { Vault } from './vault';

export { KeyVaultError } from './errors';
export type { LoggedOperation } from './operation-log';
export type { QuotaLimits } from './quota';
export { KEY_VAULT_RESOURCE } from './service';
export type { Vault } from './vault';

export interface KeyVaultOptions {
  /** Keeps the keys over restarts. */
  directory: string;
  /** Any free one if left out. */
  port?: number;
  /** Base url of the token stand-in; the 401 challenge points there. */
  tokenUrl: string;
}

export interface RunningKeyVault {
  url: string;
  port: number;
  /** The vault without HTTP: its log, its quota, its events by request. */
  vault: Vault;
  close(): Promise<void>;
}

/** Starts one Key Vault on a port of its own, with the keys that the seed names. */
export async function startKeyVault(
  context: CloudContext,
  seed: VaultSeed,
  options: KeyVaultOptions,
): Promise<RunningKeyVault> {
  const vault = new Vault(context, seed, options.directory);
  const service = new KeyVaultService(context, vault, `${options.tokenUrl}/${context.tenantId}`);
  await vault.seed(seed);
  const server = await startServer(context, {
    standIn: 'keyVault',
    name: seed.name,
    port: options.port ?? 0,
    tls: true,
    challenges: true,
    operationOf: (request) => routeOf(request)?.operation,
    digestOf: digestOfBlob,
    handle: (request, fault) => service.handle(request, fault),
  });
  vault.url = server.url;
  return { ...server, vault };
}

/** SHA-256 (base64url) of the text that is to be unwrapped, as sent: tells of every unwrap which blob it was. */
function digestOfBlob(request: StandInRequest): string | undefined {
  const { value } = (request.body ?? {}) as { value?: unknown };
  if (typeof value !== 'string' || !/\/unwrapkey$/i.test(request.path)) return undefined;
  return createHash('sha256').update(value).digest('base64url');
}
