import type { TokenCredential } from '@azure/core-auth';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import type { StorageLocation } from '../config';

/** Its own, so that its owner can put an immutability policy on it, which the other container could not work under. */
const anchorContainer = 'keyturn-anchors';

/** The container's client; a create-only write is safe to repeat, so the SDK may, within a few seconds. */
export function createAnchorContainer(storage: StorageLocation, credential: TokenCredential): ContainerClient {
  const retryOptions = { maxTries: 2, tryTimeoutInMs: 15_000, retryDelayInMs: 300, maxRetryDelayInMs: 1000 };
  const service =
    storage.by === 'identity'
      ? new BlobServiceClient(storage.blobEndpoint, credential, { retryOptions })
      : BlobServiceClient.fromConnectionString(storage.connectionString, { retryOptions });
  return service.getContainerClient(anchorContainer);
}
