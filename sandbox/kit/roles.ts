/** A role definition, built-in or custom, reduced to what decides. */
export interface Role {
  /** GUID, the same in every Azure tenant for a built-in role. */
  id: string;
  name: string;
  actions: string[];
  notActions?: string[];
  dataActions: string[];
}

const keyVault = 'Microsoft.KeyVault/vaults';
const keys = `${keyVault}/keys`;

/** Built-in roles, from Azure's documentation "Azure built-in roles" (2026-06-16 for Key Vault): what this local cloud can be asked. */
const BUILT_IN: Role[] = [
  { id: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635', name: 'Owner', actions: ['*'], dataActions: [] },
  {
    id: 'b24988ac-6180-42a0-ab88-20f7382dd24c',
    name: 'Contributor',
    actions: ['*'],
    notActions: [
      'Microsoft.Authorization/*/Delete',
      'Microsoft.Authorization/*/Write',
      'Microsoft.Authorization/elevateAccess/Action',
    ],
    dataActions: [],
  },
  { id: 'acdd72a7-3385-48ef-bd42-f606fba81ae7', name: 'Reader', actions: ['*/read'], dataActions: [] },
  {
    id: '00482a5a-887f-4fb3-b363-3b7fe8e74483',
    name: 'Key Vault Administrator',
    actions: [`${keyVault}/*/read`, `${keyVault}/read`],
    dataActions: [`${keyVault}/*`],
  },
  {
    id: '14b46e9e-c2b7-41b4-b07b-48a6ebf60603',
    name: 'Key Vault Crypto Officer',
    actions: [`${keyVault}/*/read`, `${keyVault}/read`],
    dataActions: [`${keys}/*`, `${keyVault}/keyrotationpolicies/*`],
  },
  {
    id: '12338af0-0e69-4776-bea7-57ae8d297424',
    name: 'Key Vault Crypto User',
    actions: [],
    dataActions: [
      'read',
      'update/action',
      'backup/action',
      'encrypt/action',
      'decrypt/action',
      'wrap/action',
      'unwrap/action',
      'sign/action',
      'verify/action',
    ].map((action) => `${keys}/${action}`),
  },
  {
    id: 'e147488a-f6f5-4113-8e2d-b22465e65bf6',
    name: 'Key Vault Crypto Service Encryption User',
    actions: [
      'Microsoft.EventGrid/eventSubscriptions/read',
      'Microsoft.EventGrid/eventSubscriptions/write',
      'Microsoft.EventGrid/eventSubscriptions/delete',
    ],
    dataActions: [`${keys}/read`, `${keys}/wrap/action`, `${keys}/unwrap/action`],
  },
  {
    id: '21090545-7ca7-4776-b22c-393fe2d3d0e2',
    name: 'Key Vault Reader',
    actions: [`${keyVault}/*/read`, `${keyVault}/read`],
    dataActions: [`${keyVault}/*/read`],
  },
  {
    id: 'b447c946-2db7-41ec-983d-d8bf3b1c77e3',
    name: 'IoT Hub Data Reader',
    actions: [],
    dataActions: ['Microsoft.Devices/IotHubs/*/read', 'Microsoft.Devices/IotHubs/fileUpload/notifications/action'],
  },
  {
    id: '4fc6c259-987e-4a07-842e-c321cc9d413f',
    name: 'IoT Hub Data Contributor',
    actions: [],
    dataActions: ['Microsoft.Devices/IotHubs/*'],
  },
  {
    id: '10745317-c249-44a1-a5ce-3a4353c0bbd8',
    name: 'Device Provisioning Service Data Reader',
    actions: [],
    dataActions: ['Microsoft.Devices/provisioningServices/*/read'],
  },
  {
    id: 'dfce44e4-17b7-4bd1-a6d1-04996ec95633',
    name: 'Device Provisioning Service Data Contributor',
    actions: [],
    dataActions: ['Microsoft.Devices/provisioningServices/*'],
  },
  {
    id: 'd5a91429-5739-47e2-a06b-3470a27159e7',
    name: 'EventGrid Data Sender',
    actions: [],
    dataActions: ['Microsoft.EventGrid/events/send/action'],
  },
];

export function roleById(id: string): Role | undefined {
  return BUILT_IN.find((role) => role.id === id.toLowerCase());
}

/** Throws for an unknown name: a mistake in the seed. */
export function roleByName(name: string): Role {
  const found = BUILT_IN.find((role) => role.name.toLowerCase() === name.toLowerCase());
  if (found === undefined)
    throw new Error(
      `There is no built-in role named '${name}' here; there are: ${BUILT_IN.map((role) => role.name).join(', ')}.`,
    );
  return found;
}
