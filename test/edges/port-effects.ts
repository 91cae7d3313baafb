import type { DurableClient } from 'durable-functions';
import type { AzurePorts } from '../../shared/azure';

/** What a call does outside: nothing, or something that a crash can come before or after. */
export type Kind = 'read' | 'effect';

type Sealing = NonNullable<AzurePorts['sealing']>;

/**
 * Every port of the app, by the name that a point has: one of several channels or stores by what it is, and the parts of
 * `sealing` each by itself. A port that is new in `AzurePorts` is here without being asked.
 */
export type Ports = {
  readonly [P in Exclude<keyof AzurePorts, 'sealing' | 'health' | 'alerts' | 'dataKeyStore'>]: NonNullable<
    AzurePorts[P]
  >;
} & {
  readonly [P in Exclude<keyof Sealing, 'every'> as `sealing.${P}`]: Sealing[P];
} & {
  readonly alerts: AzurePorts['alerts'][number];
  readonly dataKeyStore: ReturnType<AzurePorts['dataKeyStore']>;
};

/** The durable client is no port of the composition, but what triggers do with it is an effect as well. */
export type Client = Pick<DurableClient, 'startNew' | 'raiseEvent' | 'getStatus'>;

type MethodOf<Port> = {
  [M in keyof Port]: Port[M] extends (...args: never[]) => unknown ? M : never;
}[keyof Port] &
  string;

type KindsOf<All> = { readonly [P in keyof All]: { readonly [M in MethodOf<All[P]>]: Kind } };

export type PortName = keyof Ports;

/** Every method of every port. One that is new does not compile before it is said here what it does. */
export const portEffects: KindsOf<Ports> = {
  keyVault: {
    versions: 'read',
    version: 'read',
    rotationPolicy: 'read',
    setRotationPolicy: 'effect',
    deleted: 'read',
    createVersion: 'effect',
    setEnabled: 'effect',
    setExpiry: 'effect',
    unwrap: 'read',
    wrap: 'read',
  },
  resourceManager: {
    get: 'read',
    find: 'read',
    put: 'effect',
    // Only `listkeys` is asked for, and that changes nothing.
    post: 'read',
    operation: 'read',
    query: 'read',
    list: 'read',
  },
  dataPlane: { readTwin: 'read', readEnrollment: 'read' },
  dataKeyStore: { page: 'read', kids: 'read', read: 'read', replace: 'effect' },
  ledger: {
    read: 'read',
    update: 'effect',
    recordEvent: 'effect',
    markEventStarted: 'effect',
    rememberedAnswer: 'read',
    retirements: 'read',
    stopped: 'read',
    setStop: 'effect',
  },
  auditLog: {
    append: 'effect',
    beginChain: 'effect',
    list: 'read',
    trail: 'read',
    head: 'read',
    seals: 'read',
    newestSeal: 'read',
    keepSeal: 'effect',
  },
  history: { put: 'effect', get: 'read', list: 'read' },
  watch: { read: 'read', put: 'effect', lastSweep: 'read', putSweep: 'effect' },
  plans: { put: 'effect' },
  alerts: { send: 'effect' },
  outbox: { put: 'effect', due: 'read', delivered: 'effect', failed: 'effect' },
  vaultLog: { ownPrincipal: 'read', newestRecord: 'read', uses: 'read' },
  'sealing.signer': { current: 'read', sign: 'read', standingOf: 'read' },
  'sealing.anchors': { put: 'effect', places: 'read', read: 'read' },
  budgets: { read: 'read', write: 'effect' },
};

const clientEffects: KindsOf<{ readonly durableClient: Client }> = {
  durableClient: { startNew: 'effect', raiseEvent: 'effect', getStatus: 'read' },
};

const all: Readonly<Record<string, Readonly<Record<string, Kind>>>> = { ...portEffects, ...clientEffects };

/** `port.method` of everything that has an effect. */
export const everyEffect: readonly string[] = Object.entries(all).flatMap(([port, methods]) =>
  Object.entries(methods).flatMap(([method, kind]) => (kind === 'effect' ? [`${port}.${method}`] : [])),
);
