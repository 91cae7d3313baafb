import { type CloudContext, type StandInRequest, type StandInResponse, startServer } from '../kit';
import { type Alert, AlertTopic } from './alert-topic';
import { type DeadLetter, DeliveryEngine, type DeliveryRecord } from './delivery';
import { raise } from './event-schemas';
import { type DeliveryModes, parseModes } from './modes';
import { type PublishRequest, parsePublishRequest } from './publish-request';
import { type EventSubscription, parseSubscription, type SubscriptionRequest, toSubscription } from './subscription';
import { WebhookClient } from './webhook';

export type { Alert, DeadLetter, DeliveryModes, DeliveryRecord, EventSubscription };

/** What the seed says of Event Grid; names of the seed file. */
export interface EventGridSeed {
  eventSubscriptions: SubscriptionRequest[];
  alertTopic: { name: string };
  /** Resource id of the vault that events made by hand come from when they name none. */
  defaultSource?: string;
}

export interface EventGridStandIn {
  /** The delivery engine's own address (plain http): subscriptions, publish, modes, deliveries, dead-letters, alerts. */
  url: string;
  /** Base address of the custom topic (https); publishers use `<url>/api/events`. */
  alertTopicUrl: string;
  /** The topic's access key (`aeg-sas-key`). */
  alertTopicKey: string;
  /** Resource id of the topic, the scope of `EventGrid Data Sender`. */
  alertTopicResourceId: string;
  alerts(): Alert[];
  deliveries(): DeliveryRecord[];
  deadLetters(): DeadLetter[];
  setModes(modes: Partial<DeliveryModes>): void;
  /** Adds a subscription after the handshake; resolves with why not when the endpoint does not pass it. */
  subscribe(request: SubscriptionRequest): Promise<string | undefined>;
  close(): Promise<void>;
}

/**
 * Starts the delivery engine and the alert topic. Subscriptions of the seed count as validated: in Azure they were made before.
 * @throws Error when the seed holds a subscription that Azure would refuse
 */
export async function startEventGrid(
  context: CloudContext,
  seed: EventGridSeed,
  ports: { eventGrid?: number; alertTopic?: number } = {},
): Promise<EventGridStandIn> {
  const webhook = new WebhookClient(context.certificates.caFile);
  const engine = new DeliveryEngine(context, webhook);
  for (const request of seed.eventSubscriptions) engine.subscriptions.set(request.name, seeded(request));
  const source =
    seed.defaultSource ?? `/subscriptions/${context.subscriptionId}/resourceGroups/${context.resourceGroup}`;
  const topic = new AlertTopic(context, seed.alertTopic.name);
  const surface = new EventGridSurface(context, engine, webhook, topic, source);
  const unsubscribe = context.bus.subscribe((event) =>
    engine.accept({ kind: 'raised', event: raise(event, context.clock.now()) }),
  );
  const server = await startServer(context, {
    standIn: 'eventGrid',
    name: 'eventGrid',
    port: ports.eventGrid ?? 0,
    tls: false,
    handle: (request) => surface.handle(request),
  });
  const topicServer = await topic.start(ports.alertTopic ?? 0);
  return {
    url: server.url,
    alertTopicUrl: topicServer.url,
    alertTopicKey: topic.key,
    alertTopicResourceId: topic.resourceId,
    alerts: () => topic.alerts(),
    deliveries: () => [...engine.deliveries],
    deadLetters: () => [...engine.deadLetters],
    setModes: (modes) => Object.assign(engine.modes, modes),
    subscribe: async (request) => {
      const subscription = toSubscription(request);
      return typeof subscription === 'string' ? subscription : surface.subscribe(subscription);
    },
    close: async () => {
      unsubscribe();
      engine.stop();
      webhook.close();
      await Promise.all([server.close(), topicServer.close()]);
    },
  };
}

function seeded(request: SubscriptionRequest): EventSubscription {
  const subscription = toSubscription(request);
  if (typeof subscription === 'string')
    throw new Error(`event subscription '${request.name}' of the seed: ${subscription}`);
  return subscription;
}

/** The engine's address: not a service of Azure's but the sandbox's own way to ask for events and to see what became of them. */
class EventGridSurface {
  readonly #context: CloudContext;
  readonly #engine: DeliveryEngine;
  readonly #webhook: WebhookClient;
  readonly #topic: AlertTopic;
  readonly #source: string;

  constructor(
    context: CloudContext,
    engine: DeliveryEngine,
    webhook: WebhookClient,
    topic: AlertTopic,
    source: string,
  ) {
    this.#context = context;
    this.#engine = engine;
    this.#webhook = webhook;
    this.#topic = topic;
    this.#source = source;
  }

  async handle(request: StandInRequest): Promise<StandInResponse> {
    switch (`${request.method} ${request.path}`) {
      case 'GET /subscriptions':
        return { status: 200, body: [...this.#engine.subscriptions.values()] };
      case 'POST /subscriptions':
        return this.#addSubscription(request.body);
      case 'POST /publish':
        return this.#publish(request.body);
      case 'GET /modes':
        return { status: 200, body: this.#engine.modes };
      case 'POST /modes':
        return this.#setModes(request.body);
      case 'GET /deliveries':
        return { status: 200, body: this.#engine.deliveries };
      case 'GET /dead-letters':
        return { status: 200, body: this.#engine.deadLetters };
      case 'GET /alerts':
        return { status: 200, body: this.#topic.alerts() };
      default:
        return (
          this.#remove(request) ?? { status: 404, body: { error: { code: 'NotFound', message: 'no such route' } } }
        );
    }
  }

  /** The handshake, then the subscription; resolves with why not. */
  async subscribe(subscription: EventSubscription): Promise<string | undefined> {
    const why = await this.#webhook.validate({ ...subscription, topic: this.#source, now: this.#context.clock.now() });
    if (why === undefined) this.#engine.subscriptions.set(subscription.name, subscription);
    return why;
  }

  async #addSubscription(body: unknown): Promise<StandInResponse> {
    const subscription = parseSubscription(body);
    if (typeof subscription === 'string') return badRequest(subscription);
    const why = await this.subscribe(subscription);
    return why === undefined ? { status: 201, body: subscription } : badRequest(why);
  }

  async #publish(body: unknown): Promise<StandInResponse> {
    const request = parsePublishRequest(body, this.#source, this.#context.clock.now());
    if (typeof request === 'string') return badRequest(request);
    const delivering = this.#deliverCopies(request);
    if (request.wait) await delivering;
    return { status: 202, body: { accepted: request.copies * request.events.length } };
  }

  async #deliverCopies({ events, copies, concurrent, subscription }: PublishRequest): Promise<void> {
    const leave = this.#context.flight.enter();
    try {
      const copy = () => this.#engine.deliver(events, subscription);
      if (concurrent) await Promise.all(Array.from({ length: copies }, copy));
      else for (let sent = 0; sent < copies; sent += 1) await copy();
    } finally {
      leave();
    }
  }

  #setModes(body: unknown): StandInResponse {
    const modes = parseModes(body);
    if (typeof modes === 'string') return badRequest(modes);
    return { status: 200, body: Object.assign(this.#engine.modes, modes) };
  }

  #remove({ method, path }: StandInRequest): StandInResponse | undefined {
    const name = /^\/subscriptions\/([^/]+)$/.exec(path)?.[1];
    if (method !== 'DELETE' || name === undefined) return undefined;
    return { status: this.#engine.subscriptions.delete(decodeURIComponent(name)) ? 204 : 404 };
  }
}

function badRequest(message: string): StandInResponse {
  return { status: 400, body: { error: { code: 'BadRequest', message } } };
}
