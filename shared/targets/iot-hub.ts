import type { ServiceTarget } from '../rotation/ports';
import { isRecord, readEncryption } from './encryption';
import { type ServicePorts, type ServiceSettings, serviceTarget } from './service';

/** An IoT Hub. `twin` is the id of a device whose twin is read as the probe: decrypted data, and no secret in the answer. */
export function iotHubTarget(
  settings: ServiceSettings & { readonly apiVersion: string; readonly twin: string },
  ports: ServicePorts,
): ServiceTarget {
  return serviceTarget(
    {
      kind: 'iotHub',
      apiVersion: settings.apiVersion,
      takesIfMatch: true,
      encryption: readEncryption,
      hostName: (resource) => stringProperty(resource['properties'], 'hostName'),
      probe: (dataPlane, hostName) => dataPlane.readTwin(hostName, settings.twin),
    },
    settings,
    ports,
  );
}

export function stringProperty(holder: unknown, name: string): string | null {
  const value = isRecord(holder) ? holder[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : null;
}
