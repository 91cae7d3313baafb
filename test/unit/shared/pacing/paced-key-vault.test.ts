import { randomBytes } from 'node:crypto';
import { paceKeyVault } from '../../../../shared/azure/paced-key-vault';
import { createVaultPacer, type VaultPacer } from '../../../../shared/azure/vault-pacer';
import { FaultError } from '../../../../shared/rotation/errors';
import type { KeyVault } from '../../../../shared/rotation/ports';
import { fakeKeyVault } from '../../../fakes/key-vault';
import { fakeVaultBudgets } from '../../../fakes/vault-budgets';
import { VirtualTime } from './virtual-time';

const vaultUrl = 'https://kv-test.vault.azure.net';

/** A pacer that lets everything through and writes down what it was told. */
function notingPacer(): VaultPacer & { readonly noted: string[] } {
  const noted: string[] = [];
  return {
    noted,
    run: (cost, call) => {
      noted.push(`run ${cost}`);
      return call();
    },
    charge: (cost) => void noted.push(`charge ${cost}`),
    refused: (seconds) => void noted.push(`refused ${seconds}`),
  };
}

/** Answers every wrap and unwrap with what it was given: blobs of any length, without a key of that size. */
const mirror = (keyVault: KeyVault): KeyVault => ({
  ...keyVault,
  unwrap: async (_kid, _algorithm, blob) => blob,
  wrap: async (_kid, _algorithm, dataKey) => dataKey,
});

describe('a key vault in bulk', () => {
  test('waits its turn to wrap and unwrap, by the size of the blob and the kind of the key', async () => {
    const pacer = notingPacer();
    const fake = fakeKeyVault();
    const software = fake.addVersion();
    const { bulk } = paceKeyVault(mirror(fake), () => pacer);
    for (const bytes of [256, 384, 512]) await bulk.unwrap(software.kid, 'RSA-OAEP-256', randomBytes(bytes));
    await bulk.wrap(software.kid, 'RSA-OAEP-256', randomBytes(32));
    expect(pacer.noted).toEqual(['run 1', 'run 4', 'run 8', 'run 1']);
  });

  test('knows a key in an HSM from any of its versions that was read, and the size of one to wrap with', async () => {
    const pacer = notingPacer();
    const fake = fakeKeyVault();
    const seen = fake.addVersion({ keyType: 'RSA-HSM', keySize: 3072 });
    const other = fake.addVersion({ keyType: 'RSA-HSM' });
    const { bulk, prompt } = paceKeyVault(mirror(fake), () => pacer);
    await prompt.version(seen.kid);
    await bulk.unwrap(other.kid, 'RSA-OAEP', randomBytes(512));
    await bulk.wrap(seen.kid, 'RSA-OAEP', randomBytes(32));
    expect(pacer.noted).toEqual(['charge 1', 'run 16', 'run 8']);
  });

  test('reads versions at once all the same', async () => {
    const pacer = notingPacer();
    const fake = fakeKeyVault();
    const { kid } = fake.addVersion();
    await paceKeyVault(fake, () => pacer).bulk.version(kid);
    expect(pacer.noted).toEqual(['charge 1']);
  });
});

describe('a key vault for probes and single steps', () => {
  test('never waits, and what it takes is entered by its weight', async () => {
    const pacer = notingPacer();
    const fake = fakeKeyVault();
    const like = fake.addVersion();
    const { prompt } = paceKeyVault(fake, () => pacer);
    const key = like.kid.slice(0, like.kid.lastIndexOf('/'));
    await prompt.versions(key);
    await prompt.rotationPolicy(key);
    await prompt.createVersion(key, { like, expiresOn: null, tags: {} });
    await prompt.setEnabled(like.kid, true);
    await prompt.setExpiry(like.kid, null);
    await prompt.unwrap(like.kid, 'RSA-OAEP-256', await prompt.wrap(like.kid, 'RSA-OAEP-256', randomBytes(32)));
    expect(pacer.noted).toEqual(['charge 1', 'charge 1', 'charge 200', 'charge 1', 'charge 1', 'charge 1', 'charge 1']);
  });

  test('tells of a refusal, which costs nothing, and throws it on', async () => {
    const pacer = notingPacer();
    const fake = fakeKeyVault();
    const { kid } = fake.addVersion();
    fake.interfere.fail('unwrap', 1, new FaultError('throttled', '429', { retryAfterSeconds: 9 }));
    const { prompt } = paceKeyVault(fake, () => pacer);
    await expect(prompt.unwrap(kid, 'RSA-OAEP-256', randomBytes(256))).rejects.toMatchObject({ retryAfterSeconds: 9 });
    expect(pacer.noted).toEqual(['refused 9']);
  });

  test('enters what failed otherwise: the vault counted it', async () => {
    const pacer = notingPacer();
    const fake = fakeKeyVault();
    const { kid } = fake.addVersion({ enabled: false });
    await expect(paceKeyVault(fake, () => pacer).prompt.version(kid)).rejects.toMatchObject({
      code: 'version-disabled',
    });
    expect(pacer.noted).toEqual(['charge 1']);
  });
});

test('a vault that is not configured has no pace, and the adapter refuses it', async () => {
  const fake = fakeKeyVault();
  const { bulk } = paceKeyVault(fake, () => null);
  const foreign = 'https://other.vault.azure.net/keys/kek/1';
  await expect(bulk.unwrap(foreign, 'RSA-OAEP', randomBytes(256))).rejects.toMatchObject({ code: 'version-not-found' });
});

test('a probe goes out at once while a thousand unwraps wait, and two vaults do not wait for each other', async () => {
  const time = new VirtualTime();
  const budgets = fakeVaultBudgets();
  const pacers = new Map(
    [vaultUrl, 'https://kv-other.vault.azure.net'].map((url) => [
      url,
      createVaultPacer({ vaultUrl: url, ceiling: 100, budgets, clock: time }),
    ]),
  );
  const done: string[] = [];
  const fake = fakeKeyVault();
  const instant: KeyVault = { ...mirror(fake), versions: async () => [] };
  const { bulk, prompt } = paceKeyVault(instant, (url) => pacers.get(url) ?? null);
  const blob = randomBytes(256);
  for (let each = 0; each < 1000; each++) {
    for (const url of pacers.keys()) {
      void bulk.unwrap(`${url}/keys/kek/1`, 'RSA-OAEP', blob).then(() => done.push(url));
    }
  }
  await time.runUntil(1000);
  const before = done.length;
  expect(await prompt.versions(`${vaultUrl}/keys/kek`)).toEqual([]);
  expect(time.now()).toBe(1000);
  expect(before).toBeLessThan(30);
  await time.runUntil(10_000);
  for (const url of pacers.keys()) {
    const count = done.filter((name) => name === url).length;
    expect(count).toBeGreaterThanOrEqual(95);
    expect(count).toBeLessThanOrEqual(100);
  }
});
