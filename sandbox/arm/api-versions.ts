/** Which api-versions a resource type answers to, and which of them carry `properties.encryption` (Azure/bicep-types-az, 2026-08-20). */
export interface ApiVersions {
  known: ReadonlySet<string>;
  withEncryption: ReadonlySet<string>;
  /** Properties that came with a later api-version: older ones neither show nor keep them. */
  since: Readonly<Record<string, string>>;
}

const hubEncryption = [
  '2020-07-10-preview',
  '2020-08-31-preview',
  '2021-02-01-preview',
  '2021-03-03-preview',
  '2021-07-01-preview',
  '2021-07-02-preview',
  '2022-04-30-preview',
  '2022-11-15-preview',
  '2023-06-30-preview',
  '2025-08-01-preview',
  '2026-03-01-preview',
  '2026-05-01-preview',
];

export const hubVersions: ApiVersions = {
  known: new Set([
    ...['2018-04-01', '2019-03-22', '2019-11-04', '2020-03-01', '2020-06-15', '2020-08-01', '2020-08-31'],
    ...['2021-03-31', '2021-07-01', '2021-07-02', '2023-06-30', ...hubEncryption],
  ]),
  withEncryption: new Set(hubEncryption),
  since: {},
};

/** The only one, six years old, that knows DPS's `encryption`, and the only one that says `identityType`. */
export const provisioningEncryptionVersion = '2020-09-01-preview';

export const provisioningVersions: ApiVersions = {
  known: new Set([
    ...['2017-11-15', '2018-01-22', '2020-01-01', '2020-03-01', provisioningEncryptionVersion, '2021-10-15'],
    ...['2022-02-05', '2022-12-12', '2023-03-01-preview', '2025-02-01-preview', '2026-03-01-preview', '2026-08-31'],
  ]),
  withEncryption: new Set([provisioningEncryptionVersion]),
  since: { enableDataResidency: '2021-10-15', portalOperationsHostName: '2022-12-12' },
};

/** Whether an api-version can carry a property at all; api-versions compare as dates, a preview before the release of the same day. */
export function carries(versions: ApiVersions, apiVersion: string, property: string): boolean {
  if (property === 'encryption') return versions.withEncryption.has(apiVersion);
  const since = versions.since[property];
  return since === undefined || apiVersion.slice(0, 10) >= since.slice(0, 10);
}
