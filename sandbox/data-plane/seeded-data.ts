import { createHash } from 'node:crypto';

const number = (index: number) => String(index).padStart(4, '0');

/** Deterministic, so that a reader knows what an old record must say: `device-0001` and so on. */
export function seededTwin(index: number): { id: string; twin: Record<string, unknown> } {
  const id = `device-${number(index)}`;
  const twin = {
    deviceId: id,
    etag: 'AAAAAAAAAAE=',
    deviceEtag: Buffer.from(`device ${index}`).toString('base64'),
    status: 'enabled',
    statusUpdateTime: '0001-01-01T00:00:00Z',
    connectionState: 'Disconnected',
    lastActivityTime: '0001-01-01T00:00:00Z',
    cloudToDeviceMessageCount: 0,
    authenticationType: 'selfSigned',
    x509Thumbprint: { primaryThumbprint: digest(id).slice(0, 40).toUpperCase(), secondaryThumbprint: null },
    modelId: '',
    version: 2,
    tags: { site: `plant-${(index % 7) + 1}`, serial: digest(`serial of ${id}`).slice(0, 12) },
    properties: {
      desired: { intervalSeconds: 30 + (index % 5) * 10, $version: 1 },
      reported: { firmware: `1.${index % 4}.0`, secretOfLife: digest(`reported by ${id}`).slice(0, 16), $version: 1 },
    },
    capabilities: { iotEdge: false },
  };
  return { id, twin };
}

/** An individual enrollment: `enrollment-0001` and so on. It holds no symmetric key. */
export function seededEnrollment(index: number): { id: string; enrollment: Record<string, unknown> } {
  const id = `enrollment-${number(index)}`;
  return { id, enrollment: { registrationId: id, deviceId: `device-${number(index)}`, ...enrollmentBody(id, index) } };
}

/** Enrollment groups: `group-0001` and so on. */
export function seededEnrollmentGroup(index: number): { id: string; group: Record<string, unknown> } {
  const id = `group-${number(index)}`;
  return { id, group: { enrollmentGroupId: id, ...enrollmentBody(id, index) } };
}

function enrollmentBody(id: string, index: number): Record<string, unknown> {
  return {
    attestation: {
      type: 'x509',
      x509: { clientCertificates: { primary: { info: { sha256Thumbprint: digest(id).toUpperCase(), version: 3 } } } },
    },
    provisioningStatus: 'enabled',
    reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: true },
    allocationPolicy: 'hashed',
    initialTwin: {
      tags: { site: `plant-${(index % 7) + 1}` },
      properties: { desired: { secretOfLife: digest(`enrolled ${id}`).slice(0, 16) } },
    },
    createdDateTimeUtc: '2026-01-01T00:00:00.0000000Z',
    lastUpdatedDateTimeUtc: '2026-01-01T00:00:00.0000000Z',
    etag: '"00000000-0000-0000-0000-000000000001"',
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
