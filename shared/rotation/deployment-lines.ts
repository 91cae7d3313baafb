import type { Drift } from './ports';

interface Lines {
  readonly terraform: string;
  readonly bicep: string;
}

const types = {
  iotHub: 'Microsoft.Devices/IotHubs@2023-06-30-preview',
  dps: 'Microsoft.Devices/provisioningServices@2020-09-01-preview',
} as const;

/**
 * What to write into a deployment, so that it leaves the key reference to Keyturn. Only the AzAPI provider can carry `encryption` of hub and
 * DPS (it is in no stable api-version); since its 2.0 `body` is an object whose members `ignore_changes` can name. In Bicep nothing is ignored: what
 * is there has to be read and handed on.
 */
export function deploymentLines({ kind, name }: Pick<Drift, 'kind' | 'name'>): Lines {
  return {
    terraform: [
      `# in the azapi_resource of ${name} (AzAPI 2.0 or later)`,
      'lifecycle {',
      '  ignore_changes = [body.properties.encryption]',
      '}',
    ].join('\n'),
    bicep: [
      `// main.bicep: read what is there, and hand it on; for the very first deployment give the identifier itself`,
      `resource present '${types[kind]}' existing = {`,
      `  name: '${name}'`,
      '}',
      `module deployed '${kind}.bicep' = {`,
      '  params: { keyIdentifier: present.properties.encryption.keyVaultProperties[0].keyIdentifier }',
      '}',
      `// ${kind}.bicep: "param keyIdentifier string", and in properties.encryption.keyVaultProperties { keyIdentifier: keyIdentifier }`,
    ].join('\n'),
  };
}
