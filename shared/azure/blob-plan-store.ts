import type { TokenCredential } from '@azure/core-auth';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import type { StorageLocation } from '../config';
import type { PlanStore } from '../rotation/ports';
import { attempt } from './status-codes';

const planContainer = 'keyturn-plans';

/** Full plan documents as blobs `<rotationId>/<planHash>.json`. Writing one again overwrites it with the same. */
export function createBlobPlanStore(container: () => ContainerClient): PlanStore {
  let created: Promise<unknown> | null = null;
  const ready = (client: ContainerClient): Promise<unknown> => {
    created ??= client.createIfNotExists().catch((error) => {
      created = null;
      throw error;
    });
    return created;
  };
  return {
    async put(rotationId, planHash, document) {
      await attempt({ service: 'storage', what: `keep the plan of rotation ${rotationId}` }, async () => {
        const client = container();
        await ready(client);
        const body = JSON.stringify(document, null, 2);
        await client.getBlockBlobClient(`${rotationId}/${planHash}.json`).upload(body, Buffer.byteLength(body), {
          blobHTTPHeaders: { blobContentType: 'application/json' },
        });
      });
    },
  };
}

/** The container's client; overwriting is safe to repeat, so the SDK may, within a few seconds. */
export function createPlanContainer(storage: StorageLocation, credential: TokenCredential): ContainerClient {
  const retryOptions = { maxTries: 2, tryTimeoutInMs: 15_000, retryDelayInMs: 300, maxRetryDelayInMs: 1000 };
  const service =
    storage.by === 'identity'
      ? new BlobServiceClient(storage.blobEndpoint, credential, { retryOptions })
      : BlobServiceClient.fromConnectionString(storage.connectionString, { retryOptions });
  return service.getContainerClient(planContainer);
}
