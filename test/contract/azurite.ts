import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { TokenCredential } from '@azure/core-auth';
import { createTables, type Tables } from '../../shared/azure/tables';
import type { StorageLocation } from '../../shared/config';

/** Azurite from npm: Table and Blob storage in memory, on free ports, for one test file. */
export interface Azurite {
  readonly storage: StorageLocation;
  readonly tables: Tables;
  stop(): Promise<void>;
}

// The account that every emulator has, published in Azure's documentation; no secret.
const account = 'devstoreaccount1';
const accountKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** Storage is reached with a connection string here; a token would be a mistake. */
const noCredential: TokenCredential = {
  getToken: () => Promise.reject(new Error('No token is needed for Azurite.')),
};

/** Starting takes a second or two alone, and much longer beside other tests. */
const startMilliseconds = 60_000;

/** Gives the calling test file an Azurite of its own, from before its first test until after its last. */
export function useAzurite(): () => Azurite {
  let azurite: Azurite | undefined;
  beforeAll(async () => {
    azurite = await startAzurite();
  }, startMilliseconds);
  afterAll(() => azurite?.stop());
  return () => {
    if (azurite === undefined) throw new Error('Azurite is there only while tests run.');
    return azurite;
  };
}

/** Starts Azurite and waits until its services say that they listen. */
async function startAzurite(): Promise<Azurite> {
  const options = ['--silent', '--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry'];
  const ports = ['--blobPort', '0', '--queuePort', '0', '--tablePort', '0'];
  const script = join(process.cwd(), 'node_modules', 'azurite', 'dist', 'src', 'azurite.js');
  const child = spawn(process.execPath, [script, ...options, ...ports], { stdio: ['ignore', 'pipe', 'pipe'] });
  // Nothing of it outlives the tests, however they end.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.unref();
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  const [blob, table] = await new Promise<[string, string]>((resolve, reject) => {
    let said = '';
    const listen = (chunk: Buffer) => {
      said += chunk.toString();
      const blobAt = addressOf(said, 'Blob');
      const tableAt = addressOf(said, 'Table');
      if (blobAt && tableAt) resolve([blobAt, tableAt]);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Azurite ended with ${code} before it listened: ${said}`)));
  });
  const storage: StorageLocation = {
    by: 'connection-string',
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${accountKey};BlobEndpoint=${blob}/${account};TableEndpoint=${table}/${account};`,
  };
  return {
    storage,
    tables: createTables(storage, noCredential),
    async stop() {
      process.off('exit', kill);
      kill();
      await exited;
    },
  };
}

function addressOf(said: string, service: string): string | undefined {
  return new RegExp(`Azurite ${service} service is successfully listening at (http://\\S+)`).exec(said)?.[1];
}
