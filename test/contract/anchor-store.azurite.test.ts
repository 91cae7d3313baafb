import { randomUUID } from 'node:crypto';
import type { TokenCredential } from '@azure/core-auth';
import { createAnchorContainer } from '../../shared/azure/anchor-container';
import { createBlobAnchorStore } from '../../shared/azure/blob-anchor-store';
import { partitionOf } from '../../shared/rotation/key-identifier';
import type { SignedHead } from '../../shared/rotation/ports';
import { useAzurite } from './azurite';

const azurite = useAzurite();
const container = () => createAnchorContainer(azurite().storage, {} as TokenCredential);
const store = () => createBlobAnchorStore(async () => container());

const sealOf = (key: string, sequence: number, signature = 'c2ln'): SignedHead => ({
  schema: 'keyturn/signed-head/v1',
  key,
  chain: 1,
  sequence,
  hash: String(sequence % 10).repeat(64),
  signedAt: '2026-11-22T12:00:00.000Z',
  kid: 'https://kv.vault.azure.net/keys/audit/1',
  algorithm: 'ES256',
  jwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' },
  signature,
});
const placeOf = ({ chain, sequence, hash }: SignedHead) => ({ chain, sequence, hash });
const keyOf = (): string => `https://kv-test.vault.azure.net/keys/${randomUUID()}`;

test('without a container there are no anchors, and the first anchor makes it', async () => {
  expect(await store().places(keyOf())).toEqual([]);
  const seal = sealOf(keyOf(), 1);
  expect(await store().put(seal)).toEqual(seal);
  expect(await store().places(seal.key)).toEqual([placeOf(seal)]);
});

test('an anchor is written once: the second for the same record changes nothing and is answered with the first', async () => {
  const first = sealOf(keyOf(), 40);
  await store().put(first);
  expect(await store().put({ ...first, signature: 'b3RoZXI' })).toEqual(first);
  expect(await store().read(first.key, placeOf(first))).toEqual(first);
});

test('anchors are listed oldest first, those of other keys are not among them', async () => {
  const key = keyOf();
  for (const sequence of [200, 30, 1000]) await store().put(sealOf(key, sequence));
  await store().put(sealOf(keyOf(), 5));
  expect((await store().places(key)).map(({ sequence }) => sequence)).toEqual([30, 200, 1000]);
});

test('what is in the place of an anchor and is none is a fault that names it, and is read as nothing', async () => {
  const seal = sealOf(keyOf(), 9);
  const name = `${partitionOf(seal.key)}/0001/000000000009-${seal.hash}.json`;
  await container().createIfNotExists();
  await container().getBlockBlobClient(name).upload('no json', 7);
  await expect(store().put(seal)).rejects.toMatchObject({ name: 'FaultError', code: 'anchor-taken' });
  expect(await store().read(seal.key, placeOf(seal))).toBeNull();
});
