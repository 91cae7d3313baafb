import type { ServiceTarget } from '../rotation/ports';
import { readEncryption } from './encryption';
import { stringProperty } from './iot-hub';
import { type ServicePorts, type ServiceSettings, serviceTarget } from './service';

/** A Device Provisioning Service. `enrollment` is the registration id of an individual enrollment that is read as the probe. */
export function dpsTarget(
  settings: ServiceSettings & { readonly apiVersion: string; readonly enrollment: string },
  ports: ServicePorts,
): ServiceTarget {
  return serviceTarget(
    {
      kind: 'dps',
      apiVersion: settings.apiVersion,
      takesIfMatch: false,
      encryption: readEncryption,
      hostName: (resource) => stringProperty(resource['properties'], 'serviceOperationsHostName'),
      probe: (dataPlane, hostName) => dataPlane.readEnrollment(hostName, settings.enrollment),
    },
    settings,
    ports,
  );
}
