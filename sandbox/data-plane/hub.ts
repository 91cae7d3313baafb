import type { CloudContext, StandInRequest, StandInResponse, StandInServer } from '../kit';
import { type DataPlaneDialect, DataPlaneRefusal, type DataRoute, pageOf, startDataPlane } from './data-plane';
import { parseQuery, runQuery } from './device-query';
import { EncryptedRecords } from './encrypted-records';
import { seededTwin } from './seeded-data';
import type { ServiceKey } from './service-key';
import { TokenBucket } from './token-bucket';

const codes: Record<number, string> = {
  400: 'ArgumentInvalid',
  401: 'IotHubUnauthorizedAccess',
  403: 'IotHubForbidden',
  404: 'DeviceNotFound',
  429: 'ThrottlingException',
  503: 'ServiceUnavailable',
};

const dialect: DataPlaneDialect = {
  standIn: 'iotHub',
  audience: 'https://iothubs.azure.net',
  apiVersions: ['2020-05-31-preview', '2020-09-30', '2021-04-12', '2024-03-31'],
  error: (status, message, now) => ({
    Message: `ErrorCode:${codes[status] ?? 'ServerError'};${message}`,
    ExceptionMessage: `Tracking ID:sandbox-TimeStamp:${now.toISOString()}`,
  }),
};

/** The device twins of one hub, at rest as ciphertext only. */
export class HubData {
  readonly records = new EncryptedRecords();

  /** Encrypts the seeded twins; called once, with the data key before it is wrapped. */
  fill(devices: number, key: Buffer): void {
    for (let index = 1; index <= devices; index += 1) {
      const { id, twin } = seededTwin(index);
      this.records.put(id, twin, key);
    }
  }
}

/** Throttles of one S1 unit (IoT Hub quotas and throttling): twin reads 100 a second, queries 20 a minute, registry 100 a minute. */
function throttles(context: CloudContext): Record<'twins' | 'queries' | 'registry', () => number | undefined> {
  const gate = (size: number, perSecond: number) => {
    const bucket = new TokenBucket(context.clock, size, perSecond);
    return () => (bucket.take() === undefined ? bucket.retryAfterSeconds() : undefined);
  };
  return { twins: gate(100, 100), queries: gate(20, 20 / 60), registry: gate(100, 100 / 60) };
}

/** Starts the data plane of one hub: `GET /twins/{id}`, `GET /statistics/devices`, `POST /devices/query`. */
export function startHubDataPlane(
  context: CloudContext,
  hub: { name: string; resourceId: string; port: number },
  data: HubData,
  key: ServiceKey,
): Promise<StandInServer> {
  const gates = throttles(context);
  const routes: DataRoute[] = [
    {
      method: 'GET',
      path: /^\/twins\/([^/]+)$/,
      operation: 'getTwin',
      action: 'Microsoft.Devices/IotHubs/twins/read',
      throttled: gates.twins,
      answer: async (_request, match) => getTwin(data, key, decodeURIComponent(match[1] ?? '')),
    },
    {
      method: 'GET',
      path: /^\/statistics\/devices$/,
      operation: 'getStatistics',
      action: 'Microsoft.Devices/IotHubs/statistics/read',
      throttled: gates.registry,
      answer: async () => statistics(data),
    },
    {
      method: 'POST',
      path: /^\/devices\/query$/,
      operation: 'queryDevices',
      action: 'Microsoft.Devices/IotHubs/twins/read',
      throttled: gates.queries,
      answer: (request) => queryTwins(data, key, request),
    },
  ];
  return startDataPlane(context, dialect, hub, routes);
}

async function getTwin(data: HubData, key: ServiceKey, id: string): Promise<StandInResponse> {
  const twin = data.records.get(id, await key.open());
  if (twin === undefined) throw new DataPlaneRefusal(404, `${id} is not registered.`);
  return { status: 200, headers: { ETag: '"AAAAAAAAAAE="' }, body: twin };
}

/** Counts come from an aggregate that needs no key: a green answer proves nothing about it. */
function statistics(data: HubData): StandInResponse {
  const count = data.records.ids().length;
  return { status: 200, body: { totalDeviceCount: count, enabledDeviceCount: count, disabledDeviceCount: 0 } };
}

async function queryTwins(data: HubData, key: ServiceKey, request: StandInRequest): Promise<StandInResponse> {
  const query = parseQuery((request.body as { query?: unknown } | undefined)?.query);
  if (query?.source !== 'devices') throw new DataPlaneRefusal(400, 'The query is not one this stand-in understands.');
  const dataKey = await key.open();
  const twins = data.records.ids().map((id) => data.records.get(id, dataKey) as Record<string, unknown>);
  const { items, continuation } = runQuery(query, twins, pageOf(request));
  const headers = {
    'x-ms-item-type': query.select === '*' ? 'Twin' : 'Raw',
    ...(continuation && { 'x-ms-continuation': continuation }),
  };
  return { status: 200, headers, body: items };
}
