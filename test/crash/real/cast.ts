import type { CloudSeed } from '../../../sandbox/cloud/seed';
import type { CloudAddresses } from '../../../sandbox/run/cloud-addresses';
import { appRoles, dpsResourceId, hubResourceId, makeSeed, names, resourceIds } from '../../../sandbox/run/seed';

/** One KEK and what lies under it, so that no play meets what another one left. */
export interface Cast {
  readonly name: string;
  readonly keyName: string;
  readonly hub: string;
  readonly dps: string;
  readonly table: string;
  /** Whether there is another key beside it that may take its place. */
  readonly isReplaceable: boolean;
}

const day = 24 * 3_600_000;
/** Few, because every play opens all of them twice. */
const DEVICES = 3;
const ENROLLMENTS = 3;

export function castOf(number: number, isReplaceable: boolean): Cast {
  const name = `play${String(number).padStart(3, '0')}`;
  return { name, keyName: `kek-${name}`, hub: `hub-${name}`, dps: `dps-${name}`, table: `keys${name}`, isReplaceable };
}

/** What the name of a key that takes another one's place ends in. */
export const REPLACES = '-2';

const replacementsOf = ({ isReplaceable }: Cast): readonly string[] => (isReplaceable ? [REPLACES] : []);

/** The sandbox's own local cloud, with a KEK, a hub and a DPS for each play. */
export function seedOf(casts: readonly Cast[]): CloudSeed {
  const now = Date.now();
  const seed = makeSeed(new Date(now));
  const [vault] = seed.vaults;
  const auditKey = vault?.keys.find(({ name }) => name === names.auditKey);
  if (vault === undefined || auditKey === undefined) throw new Error('the sandbox has no audit key');
  const versions = [
    { createdOn: new Date(now - 65 * day).toISOString(), expiresOn: new Date(now + 1000 * day).toISOString() },
  ];
  const key = { kty: 'RSA', size: 2048, ops: ['wrapKey', 'unwrapKey'] } as const;
  const kek = (name: string) => ({ vault: names.vault, key: name, versioned: true });
  return {
    ...seed,
    vaults: [
      {
        ...vault,
        keys: [
          auditKey,
          ...casts
            .flatMap((cast) => ['', ...replacementsOf(cast)].map((which) => `${cast.keyName}${which}`))
            .map((name) => ({ ...key, ops: [...key.ops], name, policy: keptPolicy, versions })),
        ],
      },
    ],
    hubs: casts.map(({ keyName, hub }) => ({
      ...{ name: hub, kek: kek(keyName), identity: 'hub-identity', devices: DEVICES },
    })),
    provisioningServices: casts.map(({ keyName, dps }) => ({
      ...{ name: dps, kek: kek(keyName), identity: 'dps-identity', enrollments: ENROLLMENTS, echoEncryption: true },
    })),
    roleAssignments: [
      { identity: 'keyturn', role: 'Reader', scope: `/subscriptions/${seed.subscriptionId}` },
      { identity: 'keyturn', role: 'Key Vault Crypto Officer', scope: `vault:${names.vault}` },
      { identity: 'keyturn', role: 'EventGrid Data Sender', scope: resourceIds.alertTopic },
      { identity: 'admin', role: 'Key Vault Crypto Officer', scope: `vault:${names.vault}` },
      { identity: 'owner', role: 'Key Vault Crypto User', scope: `vault:${names.vault}` },
      { identity: 'reader', role: 'Reader', scope: 'group' },
      ...casts.flatMap((cast) => [
        { identity: 'keyturn', role: 'Contributor', scope: `hub:${cast.hub}` },
        { identity: 'keyturn', role: 'Contributor', scope: `dps:${cast.dps}` },
        ...['keyturn', 'reader'].flatMap((identity) => [
          { identity, role: 'IoT Hub Data Reader', scope: `hub:${cast.hub}` },
          { identity, role: 'Device Provisioning Service Data Reader', scope: `dps:${cast.dps}` },
        ]),
        ...['', ...replacementsOf(cast)].flatMap((which) =>
          ['hub-identity', 'dps-identity'].map((identity) => ({
            ...{ identity, role: 'Key Vault Crypto Service Encryption User' },
            scope: `key:${names.vault}/${cast.keyName}${which}`,
          })),
        ),
      ]),
    ],
  };
}

/** Nothing is done by itself: that a version nears its end must not begin a run beside the one that is played. */
const keptPolicy = {
  lifetimeActions: [{ trigger: { timeBeforeExpiry: 'P25D' }, action: { type: 'Notify' } }],
  attributes: { expiryTime: 'P900D' },
};

/** Short, so that a play is short; the clock jumps over it anyhow. */
const patience = {
  soak: 'PT10M',
  probeEvery: 'PT2M',
  redProbes: { red: 3, of: 5 },
  watch: 'PT10M',
};

/** Where services are cut off it is watched until they are, and they may live on a cached key for a day. */
const longPatience = { ...patience, soak: 'PT18H', probeEvery: 'PT6H', watch: 'PT26H' };

/** Unversioned identifier. */
export const keyOf = (cloud: CloudAddresses, { keyName }: Cast): string =>
  `${cloud.vaults[names.vault]}/keys/${keyName}`;

/**
 * rotation.json for those that are on stage.
 * @param people whether they sign in, and roles decide
 */
export function configurationOf(cloud: CloudAddresses, casts: readonly Cast[], people: boolean): object {
  const { operator, approver } = appRoles;
  return {
    ...(people ? { access: { reader: [operator, approver], operator: [operator], approver: [approver] } } : {}),
    auditKey: `${cloud.vaults[names.vault]}/keys/${names.auditKey}`,
    keys: casts.map((cast) => ({
      key: keyOf(cloud, cast),
      vaultResourceId: resourceIds.vault,
      replacements: replacementsOf(cast).map((which) => ({
        ...{ key: `${keyOf(cloud, cast)}${which}`, vaultResourceId: resourceIds.vault },
      })),
      ...(people ? longPatience : patience),
      targets: [
        { kind: 'iotHub', name: cast.hub, resourceId: hubResourceId(cast.hub), probe: { twin: 'device-0001' } },
        { kind: 'dps', name: cast.dps, resourceId: dpsResourceId(cast.dps), probe: { enrollment: 'enrollment-0001' } },
        { kind: 'dataKeys', name: cast.table, table: cast.table },
      ],
    })),
  };
}
