import { join } from 'node:path';
import type { Children } from './children';

/** Ports of Azurite's own documentation. */
export const AZURITE_PORTS = { blob: 10000, queue: 10001, table: 10002 } as const;

export interface Storage {
  readonly table: string;
  readonly blob: string;
  readonly connectionString: string;
}

/** The account and key that every Azurite has, published in its documentation: no secret. */
const account = 'devstoreaccount1';
const accountKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

const listening = /Azurite (Blob|Queue|Table) service is successfully listening at (\S+)/;

/**
 * Starts Azurite; `free` lets it choose its ports. `inMemory` keeps nothing on disk: else it writes its whole database anew
 * every five seconds, answering nobody meanwhile.
 */
export async function startAzurite(
  children: Children,
  options: { root: string; folder: string; free: boolean; env: NodeJS.ProcessEnv; inMemory?: boolean },
): Promise<Storage> {
  const { root, folder, free, env, inMemory = false } = options;
  const place = inMemory ? ['--inMemoryPersistence'] : ['--location', join(folder, 'azurite')];
  const ports = (Object.keys(AZURITE_PORTS) as (keyof typeof AZURITE_PORTS)[]).flatMap((name) => [
    `--${name}Port`,
    String(free ? 0 : AZURITE_PORTS[name]),
  ]);
  const urls = new Map<string, string>();
  const { ready } = await children.start({
    name: 'Azurite (storage)',
    script: join(root, 'node_modules', 'azurite', 'dist', 'src', 'azurite.js'),
    args: ['--silent', '--skipApiVersionCheck', '--disableTelemetry', ...place, ...ports],
    env,
    log: join(folder, 'logs', 'azurite.log'),
    readyWithinSeconds: 60,
    readyFrom(line) {
      const [, service = '', url = ''] = listening.exec(line) ?? [];
      if (service !== '') urls.set(service, `${url}/${account}`);
      const [blob, table, queue] = [urls.get('Blob'), urls.get('Table'), urls.get('Queue')];
      return blob && table && queue ? { blob, table, queue } : undefined;
    },
  });
  const connectionString = [
    'DefaultEndpointsProtocol=http',
    `AccountName=${account}`,
    `AccountKey=${accountKey}`,
    `BlobEndpoint=${ready.blob}`,
    `QueueEndpoint=${ready.queue}`,
    `TableEndpoint=${ready.table}`,
  ].join(';');
  return { table: ready.table, blob: ready.blob, connectionString };
}
