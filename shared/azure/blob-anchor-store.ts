import type { ContainerClient } from '@azure/storage-blob';
import { FaultError } from '../rotation/errors';
import { partitionOf } from '../rotation/key-identifier';
import type { AnchorStore, ChainHead, SignedHead } from '../rotation/ports';
import { codeOf, statusOf } from './error-body';
import { attempt } from './status-codes';

/**
 * One blob for each anchor, `<partition>/<chain>/<sequence>-<hash>.json`: the name alone says which record was there. Each is written with
 * the condition that it must not exist, which is also all that an immutability policy allows.
 */
export function createBlobAnchorStore(container: () => Promise<ContainerClient>): AnchorStore {
  const read = async (name: string): Promise<SignedHead | null> => {
    const content = await (await container()).getBlockBlobClient(name).downloadToBuffer();
    try {
      return JSON.parse(content.toString('utf8')) as SignedHead;
    } catch {
      return null; // whatever it is, it is no signed head
    }
  };
  return {
    async put(seal) {
      const name = nameOf(seal.key, seal);
      return attempt({ service: 'storage', what: `anchor record ${seal.sequence} of ${seal.key}` }, async () => {
        if (await create(await container(), name, JSON.stringify(seal, null, 2))) return seal;
        const there = await read(name);
        if (there !== null) return there;
        throw new FaultError(
          'anchor-taken',
          `Something that is no anchor is in the place of ${name}. Look who put it there.`,
        );
      });
    },
    async places(key) {
      return attempt({ service: 'storage', what: `list the anchors of ${key}` }, () =>
        container().then((client) => listPlaces(client, key)),
      );
    },
    async read(key, place) {
      return attempt({ service: 'storage', what: `read the anchor of record ${place.sequence} of ${key}` }, () =>
        read(nameOf(key, place)),
      );
    },
  };
}

/** @returns false if it was there already. The container is made when it is missed. */
async function create(container: ContainerClient, name: string, body: string): Promise<boolean> {
  const upload = async (): Promise<boolean> => {
    try {
      await container.getBlockBlobClient(name).upload(body, Buffer.byteLength(body), {
        conditions: { ifNoneMatch: '*' },
        blobHTTPHeaders: { blobContentType: 'application/json' },
      });
      return true;
    } catch (error) {
      if (statusOf(error) === 409 && codeOf(error) !== 'ContainerBeingDeleted') return false;
      throw error;
    }
  };
  try {
    return await upload();
  } catch (error) {
    if (codeOf(error) !== 'ContainerNotFound') throw error;
    await container.createIfNotExists();
    return upload();
  }
}

async function listPlaces(container: ContainerClient, key: string): Promise<readonly ChainHead[]> {
  const places: ChainHead[] = [];
  try {
    for await (const { name } of container.listBlobsFlat({ prefix: `${partitionOf(key)}/` })) {
      const place = placeOf(name);
      if (place !== null) places.push(place);
    }
  } catch (error) {
    if (codeOf(error) !== 'ContainerNotFound') throw error;
  }
  return places;
}

function nameOf(key: string, { chain, sequence, hash }: ChainHead): string {
  return `${partitionOf(key)}/${String(chain).padStart(4, '0')}/${String(sequence).padStart(12, '0')}-${hash}.json`;
}

function placeOf(name: string): ChainHead | null {
  const match = /\/(\d{4})\/(\d{12})-([0-9a-f]{64})\.json$/.exec(name);
  return match && { chain: Number(match[1]), sequence: Number(match[2]), hash: match[3] ?? '' };
}
