import fc from 'fast-check';
import { surface } from '../unit/functions/triggers/surface';
import { key, makeWorld, v1 } from '../unit/shared/use-cases/world';
import { changesAmong } from './effects';
import { deep, junk, near, text, tries, unpolluted } from './junk';

jest.setTimeout(3_600_000);
afterEach(() => jest.restoreAllMocks());

const data = {
  Id: `${key}/${v1}`,
  VaultName: 'kv-test',
  ObjectType: 'Key',
  ObjectName: 'kek',
  Version: v1,
  NBF: 1,
  EXP: 2,
};
const eventGrid = {
  ...{ id: 'e-1', topic: '/subscriptions/s', subject: 'kek', eventType: 'Microsoft.KeyVault.KeyNearExpiry' },
  ...{ data, dataVersion: '1', metadataVersion: '1', eventTime: '2026-11-22T11:59:00Z' },
};
const cloudEvent = { ...eventGrid, specversion: '1.0', source: '/subscriptions/s', type: eventGrid.eventType };

/** Names another vault, host, scheme, port or user than the configured key, in one of the many ways in which an address can be written. */
const forged = fc
  .constantFrom(
    ...['https://evil.vault.azure.net/keys/kek', 'https://127.0.0.1/keys/kek', 'https://169.254.169.254/keys/kek'],
    ...['http://kv-test.vault.azure.net/keys/kek', 'https://kv-test.vault.azure.net:8443/keys/kek'],
    ...[
      'https://kv-test.vault.azure.net@evil.example/keys/kek',
      'https://evil.example#kv-test.vault.azure.net/keys/kek',
    ],
    ...['https://kv-test.vault.azure.net.evil.example/keys/kek', 'https://[::1]/keys/kek', 'https://0x7f.1/keys/kek'],
    ...[
      'https://kv-test.vault.azure.net/keys/../secrets/kek',
      'https://kv-test.vault.azure.net\\@evil.example/keys/kek',
    ],
    ...['file:///keys/kek', '//evil.example/keys/kek', 'https://kv-test.vault.azure.net/keys/kek%2f..%2fother'],
    ...['https://kv-test.vault.azure.net/keys/other', 'https://ｋv-test.vault.azure.net/keys/kek'],
  )
  .map((id) => ({ ...eventGrid, data: { ...data, Id: `${id}/${v1}` } }));

const event = fc.oneof(
  { weight: 4, arbitrary: near(eventGrid) },
  { weight: 2, arbitrary: near(cloudEvent) },
  { weight: 2, arbitrary: forged },
  junk,
  deep,
  text,
);

describe('Whatever Event Grid delivers', () => {
  test('nothing is thrown, nothing but an event about the configured key is written down, and the answer comes from there', async () => {
    const world = makeWorld(['iotHub', 'dps']);
    const app = surface(world.ports);
    const taken = { dropped: 0, started: 0 };
    await fc.assert(
      fc.asyncProperty(event, async (sent) => {
        world.effects.length = 0;
        const before = app.client.started.length;
        await app.event(sent);
        const started = app.client.started.slice(before);
        if (world.effects.length === 0) {
          taken.dropped += 1;
          expect(started).toEqual([]);
        } else {
          taken.started += 1;
          // Whatever it said of topic, subject and names: the identifier alone counts, and it is the configured one.
          expect(String((sent as typeof eventGrid).data.Id ?? JSON.stringify(sent)).toLowerCase()).toContain(key);
          expect(changesAmong(world.effects).map((effect) => effect.split(' ')[0])).toEqual(
            expect.arrayContaining(['recordEvent']),
          );
        }
        for (const { input, instanceId } of started) {
          expect(input).toMatchObject({ key, generation: null, toVersion: null });
          expect(instanceId).toMatch(/^[\w-]{1,100}$/);
        }
        expect(unpolluted()).toBe(true);
      }),
      tries(600),
    );
    expect(taken.dropped).toBeGreaterThan(0);
    expect(taken.started).toBeGreaterThan(0);
  });

  test('an event that names another vault, host, scheme, port or user is dropped before anything is asked or written', async () => {
    const world = makeWorld(['iotHub', 'dps']);
    const app = surface(world.ports);
    await fc.assert(
      fc.asyncProperty(forged, async (sent) => {
        await app.event(sent);
        expect(world.effects).toEqual([]);
      }),
      tries(100),
    );
  });
});

describe('Whatever a timer is called with', () => {
  test.each(['sweep', 'verifyHistories', 'deliverAlerts', 'purgeEndedInstances'])(
    '%s does its work and throws nothing',
    async (name) => {
      const app = surface(makeWorld(['iotHub']).ports);
      await fc.assert(
        fc.asyncProperty(fc.oneof(junk, deep), async (timer) => {
          await app.tick(name, timer);
          expect(unpolluted()).toBe(true);
        }),
        tries(15),
      );
    },
  );
});
