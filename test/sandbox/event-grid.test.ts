import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AzureKeyCredential, EventGridPublisherClient } from '@azure/eventgrid';
import { type EventGridStandIn, startEventGrid } from '../../sandbox/event-grid';
import { afterAttempt } from '../../sandbox/event-grid/retry-schedule';
import { type CloudContext, createContext, roleByName } from '../../sandbox/kit';
import { identities, send, subscriptionId } from './arm-cloud';
import { TestWebhook } from './event-grid-webhook';

const source = `/subscriptions/${subscriptionId}/resourceGroups/plant/providers/Microsoft.KeyVault/vaults/vault-a`;
const nearExpiry = {
  type: 'Microsoft.KeyVault.KeyNearExpiry',
  source,
  subject: 'kek',
  data: { Id: 'https://vault/keys/kek/1', ObjectName: 'kek' },
};

let directory: string;
let context: CloudContext;
let webhook: TestWebhook;
let endpoint: string;
let eventGrid: EventGridStandIn;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'keyturn-events-'));
  const [first] = identities;
  context = await createContext(directory, {
    tenantId: first?.tenantId ?? '',
    subscriptionId,
    resourceGroup: 'plant',
    location: 'westeurope',
    identities,
  });
  webhook = new TestWebhook();
  endpoint = await webhook.listen();
  eventGrid = await startEventGrid(context, {
    eventSubscriptions: [{ name: 'keys', endpoint, schema: 'EventGridSchema' }],
    alertTopic: { name: 'alerts' },
    defaultSource: source,
  });
});

afterEach(async () => {
  context.clock.stop();
  await eventGrid.close();
  await webhook.close();
  rmSync(directory, { recursive: true, force: true });
});

const post = (path: string, body: unknown) =>
  send('POST', `${eventGrid.url}${path}`, { 'content-type': 'application/json' }, body);

/** Jumps from appointment to appointment, waiting for the deliveries each of them starts. */
async function advance(seconds: number): Promise<void> {
  const { clock } = context;
  const until = clock.nowMilliseconds() + seconds * 1000;
  await settle();
  for (let due = clock.nextDue(); due !== undefined && due <= until; due = clock.nextDue()) {
    clock.advanceTo(due);
    await settle();
  }
  clock.advanceTo(until);
  await settle();
}

async function settle(): Promise<void> {
  do await pause(1);
  while (context.flight.count > 0);
}

const attempts = () => eventGrid.deliveries().map(({ status, outcome }) => `${status} ${outcome}`);

describe('delivery', () => {
  test('brings an event of the vault as an array of one in the Event Grid schema', async () => {
    context.bus.publish(nearExpiry);
    await settle();
    const [only] = webhook.delivered;
    expect(only?.headers).toMatchObject({
      'aeg-event-type': 'Notification',
      'aeg-subscription-name': 'KEYS',
      'aeg-delivery-count': '1',
    });
    expect(only?.body).toEqual([
      {
        id: expect.any(String),
        topic: source,
        subject: 'kek',
        eventType: 'Microsoft.KeyVault.KeyNearExpiry',
        data: nearExpiry.data,
        eventTime: expect.any(String),
        dataVersion: '1',
        metadataVersion: '1',
      },
    ]);
    expect(attempts()).toEqual(['202 delivered']);
  });

  test('comes as a CloudEvent to a subscription that asked for it, and only with the types it asked for', async () => {
    const body = {
      name: 'cloud',
      endpoint,
      schema: 'CloudEventSchemaV1_0',
      eventTypes: ['Microsoft.KeyVault.KeyExpired'],
    };
    expect((await post('/subscriptions', body)).status).toBe(201);
    expect(webhook.delivered[0]?.method).toBe('OPTIONS');
    context.bus.publish({ ...nearExpiry, type: 'Microsoft.KeyVault.KeyExpired' });
    context.bus.publish(nearExpiry);
    await settle();
    const cloudEvents = webhook.events().filter((event) => event['specversion'] === '1.0');
    expect(cloudEvents).toEqual([
      expect.objectContaining({ type: 'Microsoft.KeyVault.KeyExpired', source, subject: 'kek' }),
    ]);
    expect(webhook.events()).toHaveLength(3);
  });

  test('is repeated after 10 s, 30 s, 1 min, 5 min and so on, on the virtual clock, until it is taken', async () => {
    webhook.answers = [500, 0, 503, 404, 202];
    context.bus.publish(nearExpiry);
    await advance(9);
    expect(webhook.events()).toHaveLength(1);
    await advance(2);
    expect(webhook.events()).toHaveLength(2);
    await advance(30 + 60 + 300);
    expect(attempts()).toEqual(['500 retry', '0 retry', '503 retry', '404 retry', '202 delivered']);
    expect(webhook.delivered.map(({ headers }) => headers['aeg-delivery-count'])).toEqual(['1', '2', '3', '4', '5']);
    expect(new Set(webhook.events().map(({ id }) => id)).size).toBe(1);
    expect(context.clock.nextDue()).toBeUndefined();
  });

  test.each([400, 401, 403, 413])('is not repeated after %i: the event goes to the dead letters', async (status) => {
    webhook.answers = [status];
    context.bus.publish(nearExpiry);
    await advance(3600);
    expect(attempts()).toEqual([`${status} deadLetter`]);
    const answer = await send('GET', `${eventGrid.url}/dead-letters`, {}, undefined);
    expect(answer.body).toEqual([
      expect.objectContaining({ subscription: 'keys', deadLetterReason: 'NotRetriable', deliveryAttempts: 1 }),
    ]);
  });

  test('gives up when a day has passed', async () => {
    webhook.answers = [500];
    context.bus.publish(nearExpiry);
    await advance(3 * 86_400);
    expect(eventGrid.deliveries()).toHaveLength(11);
    expect(eventGrid.deadLetters()).toEqual([
      expect.objectContaining({ deadLetterReason: 'TimeToLiveExceeded', lastDeliveryOutcome: '500' }),
    ]);
  });

  test('gives up after as many attempts as the subscription allows', () => {
    const policy = { maxDeliveryAttempts: 2, eventTimeToLiveMinutes: 1440 };
    const times = { published: 0, now: 0 };
    expect(afterAttempt(1, 500, times, policy)).toEqual({ next: 'retry', dueMilliseconds: 10_000 });
    expect(afterAttempt(2, 500, times, policy)).toEqual({ next: 'deadLetter', reason: 'MaxDeliveryAttemptsExceeded' });
  });

  test('whose answer is lost comes twice', async () => {
    context.faults.add({ standIn: 'eventGrid', operation: 'deliver', times: 1, effect: { kind: 'lostAnswer' } });
    context.bus.publish(nearExpiry);
    await advance(11);
    const ids = webhook.events().map(({ id }) => id);
    expect(ids).toHaveLength(2);
    expect(ids[0]).toBe(ids[1]);
  });
});

describe('the modes', () => {
  test('duplicate what was delivered, drop, and turn the order round', async () => {
    expect((await post('/modes', { duplicate: 1 })).status).toBe(200);
    context.bus.publish(nearExpiry);
    await advance(10);
    expect(webhook.events()).toHaveLength(2);

    await post('/modes', { duplicate: 0, drop: 1 });
    context.bus.publish(nearExpiry);
    await advance(10);
    expect(webhook.events()).toHaveLength(2);

    await post('/modes', { outOfOrder: true });
    for (const subject of ['first', 'second', 'third']) context.bus.publish({ ...nearExpiry, subject });
    await advance(31);
    expect(
      webhook
        .events()
        .slice(2)
        .map(({ subject }) => subject),
    ).toEqual(['third', 'second', 'first']);
  });

  test('that are unknown are refused', async () => {
    expect((await post('/modes', { explode: true })).status).toBe(400);
  });
});

describe('events by request', () => {
  test('may come a thousand times at once, all the same event', async () => {
    const { type, subject, data } = nearExpiry;
    const answer = await post('/publish', {
      type,
      subject,
      data,
      id: 'same',
      copies: 1000,
      concurrent: true,
      wait: true,
    });
    expect(answer).toMatchObject({ status: 202, body: { accepted: 1000 } });
    expect(webhook.events()).toHaveLength(1000);
    expect(new Set(webhook.events().map(({ id }) => id))).toEqual(new Set(['same']));
  });

  test('are delivered exactly as they are given', async () => {
    const sloppy = { eventType: 'x', 'ObjectName ': 'kek', data: null };
    await post('/publish', { events: [sloppy], wait: true });
    expect(webhook.events()).toEqual([sloppy]);
    expect((await post('/publish', { nothing: true })).status).toBe(400);
  });
});

describe('a new subscription', () => {
  test('must answer the handshake with its code', async () => {
    expect((await post('/subscriptions', { name: 'two', endpoint })).status).toBe(201);
    expect(webhook.delivered[0]?.headers['aeg-event-type']).toBe('SubscriptionValidation');
    webhook.validationCodeEchoed = false;
    const refused = await post('/subscriptions', { name: 'three', endpoint });
    expect(refused.status).toBe(400);
    expect(await eventGrid.subscribe({ name: 'four', endpoint: 'http://127.0.0.1:1/nobody' })).toContain('nothing');
    const known = await send('GET', `${eventGrid.url}/subscriptions`, {}, undefined);
    expect((known.body as { name: string }[]).map(({ name }) => name)).toEqual(['keys', 'two']);
  });
});

describe('the alert topic', () => {
  const client = (schema: 'EventGrid' | 'CloudEvent', key = eventGrid.alertTopicKey) =>
    new EventGridPublisherClient(
      `${eventGrid.alertTopicUrl}/api/events`,
      schema as 'EventGrid',
      new AzureKeyCredential(key),
      {
        tlsOptions: { ca: readFileSync(context.certificates.caFile) },
        retryOptions: { maxRetries: 0 },
      },
    );
  const alert = { id: 'alert-1', eventType: 'Keyturn.Completed', subject: 'kek', dataVersion: '1', data: { a: 1 } };

  test('takes what the unmodified SDK publishes, and counts the same id once more', async () => {
    await client('EventGrid').send([alert]);
    await client('EventGrid').send([alert, { ...alert, id: 'alert-2' }]);
    expect(eventGrid.alerts()).toEqual([
      expect.objectContaining({
        id: 'alert-1',
        eventType: 'Keyturn.Completed',
        subject: 'kek',
        data: { a: 1 },
        copies: 2,
      }),
      expect.objectContaining({ id: 'alert-2', copies: 1 }),
    ]);
    const listed = await send('GET', `${eventGrid.url}/alerts`, {}, undefined);
    expect(listed.body).toEqual(eventGrid.alerts());
  });

  test('takes CloudEvents', async () => {
    const cloud = client('CloudEvent') as unknown as EventGridPublisherClient<unknown[] & never>;
    await cloud.send([
      { id: 'c', source: 'keyturn', type: 'Keyturn.Completed', subject: 'kek', data: { b: 2 } },
    ] as never);
    expect(eventGrid.alerts()).toEqual([
      expect.objectContaining({ id: 'c', eventType: 'Keyturn.Completed', data: { b: 2 } }),
    ]);
  });

  test('takes a token of somebody who may send, and nobody else', async () => {
    const app = context.tokens.identity('app');
    const url = `${eventGrid.alertTopicUrl}/api/events`;
    const publisher = new EventGridPublisherClient(
      url,
      'EventGrid',
      {
        getToken: async () => ({
          token: context.tokens.issue(app.principalId, 'https://eventgrid.azure.net'),
          expiresOnTimestamp: Date.now() + 3_600_000,
        }),
      },
      { tlsOptions: { ca: readFileSync(context.certificates.caFile) }, retryOptions: { maxRetries: 0 } },
    );
    await expect(publisher.send([alert])).rejects.toMatchObject({ statusCode: 403 });
    const role = roleByName('EventGrid Data Sender');
    const scope = eventGrid.alertTopicResourceId;
    context.permissions.assignments.push({
      id: `${scope}/a`,
      principalId: app.principalId,
      roleDefinitionId: role.id,
      scope,
    });
    await publisher.send([alert]);
    expect(eventGrid.alerts()).toHaveLength(1);
    await expect(client('EventGrid', 'wrong').send([alert])).rejects.toMatchObject({ statusCode: 401 });
  });

  test('takes all events of a request or none', async () => {
    const bad = { ...alert, id: 'bad', eventType: '' };
    await expect(client('EventGrid').send([alert, bad])).rejects.toMatchObject({ statusCode: 400 });
    expect(eventGrid.alerts()).toEqual([]);
  });

  test('can be made to fail by request', async () => {
    context.faults.add({ standIn: 'alertTopic', times: 1, effect: { kind: 'status', status: 503 } });
    await expect(client('EventGrid').send([alert])).rejects.toMatchObject({ statusCode: 503 });
    await client('EventGrid').send([alert]);
    expect(eventGrid.alerts()).toHaveLength(1);
  });
});
