import { type CloudContext, type StandInRequest, type StandInResponse, type StandInServer, startServer } from '../kit';
import { KeyVaultTrouble } from './vault-connection';

/** How one of the two services speaks: its audience, api-version, and the form of its errors. */
export interface DataPlaneDialect {
  standIn: 'iotHub' | 'dps';
  audience: string;
  apiVersions: string[];
  /** Body of an error answer in this service's form. */
  error(status: number, message: string, now: Date): unknown;
}

export interface DataRoute {
  method: string;
  path: RegExp;
  /** Name for faults and the request log. */
  operation: string;
  /** Data action the caller needs on the resource. */
  action: string;
  /** Takes one from the route's throttle; seconds to wait when it is empty. */
  throttled?: () => number | undefined;
  answer(request: StandInRequest, match: RegExpExecArray): Promise<StandInResponse>;
}

/** What a route throws to answer with an error in its service's own form. */
export class DataPlaneRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Starts the HTTPS server of one hub or DPS. */
export function startDataPlane(
  context: CloudContext,
  dialect: DataPlaneDialect,
  service: { name: string; resourceId: string; port: number },
  routes: DataRoute[],
): Promise<StandInServer> {
  const routeOf = (request: StandInRequest) =>
    routes.find((route) => route.method === request.method && route.path.test(request.path));
  const refuse = (status: number, message: string): StandInResponse => ({
    status,
    body: dialect.error(status, message, context.clock.now()),
  });

  async function handle(request: StandInRequest): Promise<StandInResponse> {
    const who = context.tokens.verify(request.headers.authorization, [dialect.audience]);
    if (who === undefined) return refuse(401, 'Unauthorized: the token is missing, expired or for another audience.');
    const route = routeOf(request);
    const match = route?.path.exec(request.path);
    if (!route || !match) return refuse(404, 'There is no such operation.');
    if (!dialect.apiVersions.includes(request.query.get('api-version') ?? ''))
      return refuse(400, 'The api-version is missing or not supported.');
    if (!context.permissions.allows(who.principalId, service.resourceId, route.action)) {
      return refuse(
        403,
        `Principal ${who.principalId} is not authorized for ${route.action} on ${service.resourceId}.`,
      );
    }
    const wait = route.throttled?.();
    if (wait !== undefined)
      return { ...refuse(429, 'The request is being throttled.'), headers: { 'Retry-After': String(wait) } };
    return route.answer(request, match).catch((error: unknown) => {
      if (error instanceof DataPlaneRefusal) return refuse(error.status, error.message);
      if (error instanceof KeyVaultTrouble) return refuse(error.transient ? 503 : 403, error.message);
      throw error;
    });
  }

  return startServer(context, {
    standIn: dialect.standIn,
    name: service.name,
    port: service.port,
    tls: true,
    operationOf: (request) => routeOf(request)?.operation,
    handle,
  });
}

/** Page size and continuation of a query request, from the headers both services share. */
export function pageOf(request: StandInRequest): { size: number; continuation: string | undefined } {
  const asked = Number(request.headers['x-ms-max-item-count']);
  const continuation = request.headers['x-ms-continuation'];
  return {
    size: Number.isInteger(asked) && asked > 0 ? Math.min(asked, 1000) : 100,
    continuation: typeof continuation === 'string' ? continuation : undefined,
  };
}
