import type { CloudContext, StandInRequest, StandInResponse, StandInServer } from '../kit';
import { type DataPlaneDialect, DataPlaneRefusal, type DataRoute, pageOf, startDataPlane } from './data-plane';
import { parseQuery, runQuery } from './device-query';
import { EncryptedRecords } from './encrypted-records';
import { seededEnrollment, seededEnrollmentGroup } from './seeded-data';
import type { ServiceKey } from './service-key';
import { TokenBucket } from './token-bucket';

const dialect: DataPlaneDialect = {
  standIn: 'dps',
  audience: 'https://azure-devices-provisioning.net',
  apiVersions: ['2018-11-01', '2019-03-31', '2021-10-01'],
  error: (status, message, now) => ({
    errorCode: status * 1000 + (status === 404 ? 204 : 0),
    trackingId: 'sandbox',
    message,
    timestampUtc: now.toISOString(),
  }),
};

/** The enrollments and enrollment groups of one DPS, at rest as ciphertext only. */
export class ProvisioningData {
  readonly enrollments = new EncryptedRecords();
  readonly groups = new EncryptedRecords();

  /** Encrypts the seeded enrollments and, for every ten of them begun, one group. */
  fill(enrollments: number, key: Buffer): void {
    for (let index = 1; index <= enrollments; index += 1) {
      const { id, enrollment } = seededEnrollment(index);
      this.enrollments.put(id, enrollment, key);
    }
    for (let index = 1; index <= Math.ceil(enrollments / 10); index += 1) {
      const { id, group } = seededEnrollmentGroup(index);
      this.groups.put(id, group, key);
    }
  }
}

/** Starts the service API of one DPS: reads and queries of enrollments and enrollment groups, 1,000 operations a minute. */
export function startProvisioningDataPlane(
  context: CloudContext,
  service: { name: string; resourceId: string; port: number },
  data: ProvisioningData,
  key: ServiceKey,
): Promise<StandInServer> {
  const bucket = new TokenBucket(context.clock, 1000, 1000 / 60);
  const throttled = () => (bucket.take() === undefined ? bucket.retryAfterSeconds() : undefined);
  const kinds = [
    { path: 'enrollments', records: data.enrollments, get: 'getEnrollment', query: 'queryEnrollments' },
    { path: 'enrollmentGroups', records: data.groups, get: 'getEnrollmentGroup', query: 'queryEnrollmentGroups' },
  ];
  const routes = kinds.flatMap(({ path, records, get, query }): DataRoute[] => {
    const action = `Microsoft.Devices/provisioningServices/${path}/read`;
    return [
      {
        method: 'POST',
        path: new RegExp(`^/${path}/query$`, 'i'),
        operation: query,
        action,
        throttled,
        answer: (request) => queryRecords(records, path, key, request),
      },
      {
        method: 'GET',
        path: new RegExp(`^/${path}/([^/]+)$`, 'i'),
        operation: get,
        action,
        throttled,
        answer: (_request, match) => getRecord(records, key, decodeURIComponent(match[1] ?? '')),
      },
    ];
  });
  return startDataPlane(context, dialect, service, routes);
}

async function getRecord(records: EncryptedRecords, key: ServiceKey, id: string): Promise<StandInResponse> {
  const record = records.get(id, await key.open());
  if (record === undefined) throw new DataPlaneRefusal(404, 'Enrollment not found.');
  return { status: 200, body: record };
}

async function queryRecords(
  records: EncryptedRecords,
  source: string,
  key: ServiceKey,
  request: StandInRequest,
): Promise<StandInResponse> {
  const query = parseQuery((request.body as { query?: unknown } | undefined)?.query);
  if (query?.source !== source.toLowerCase())
    throw new DataPlaneRefusal(400, 'The query is not one this stand-in understands.');
  const dataKey = await key.open();
  const all = records.ids().map((id) => records.get(id, dataKey) as Record<string, unknown>);
  const { items, continuation } = runQuery(query, all, pageOf(request));
  const headers = { 'x-ms-item-type': query.source, ...(continuation && { 'x-ms-continuation': continuation }) };
  return { status: 200, headers, body: items };
}
