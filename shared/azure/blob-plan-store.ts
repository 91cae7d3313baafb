import type { ContainerClient } from '@azure/storage-blob';
import type { PlanStore } from '../rotation/ports';
import { attempt } from './status-codes';

/** Full plan documents as blobs `<rotationId>/<planHash>.json`. Writing one again overwrites it with the same. */
export function createBlobPlanStore(container: () => Promise<ContainerClient>): PlanStore {
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
        const client = await container();
        await ready(client);
        const body = JSON.stringify(document, null, 2);
        await client.getBlockBlobClient(`${rotationId}/${planHash}.json`).upload(body, Buffer.byteLength(body), {
          blobHTTPHeaders: { blobContentType: 'application/json' },
        });
      });
    },
  };
}
