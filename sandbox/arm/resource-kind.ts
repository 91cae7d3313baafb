import type { ApiVersions } from './api-versions';
import type { JsonObject } from './json';

/** A resource as it is kept: identity in the hub's form whatever the api-version said, no SAS keys, secrets unmasked. */
export interface Description {
  location: string;
  tags: JsonObject;
  sku: JsonObject;
  identity: JsonObject;
  properties: JsonObject;
}

/** What `encryption` says, read out of either service's shape. */
export interface EncryptionReading {
  keyIdentifier: string;
  /** Resource id of the user-assigned identity; undefined: none is named. */
  identity: string | undefined;
}

/** How IoT Hub and DPS differ in ARM; everything they share is in `DeviceResource`. */
export interface ResourceKind {
  /** E.g. `Microsoft.Devices/IotHubs`. */
  type: string;
  /** How error texts call one. */
  noun: string;
  versions: ApiVersions;
  operations: { get: string; list: string; put: string; patch: string; operation: string; listKeys: string };
  /** Prefix of the code in error texts, e.g. `IH` in IH412001. */
  errorPrefix: string;
  hasIfMatch: boolean;
  putStatus: number;
  /** `state` and `provisioningState` while an operation runs. */
  busyState: string;
  retryAfterSeconds: number;
  /** Properties the service sets and a PUT cannot. */
  ownProperties: readonly string[];
  defaultPolicies: readonly { keyName: string; rights: string }[];
  /** What is wrong with a PUT body, beyond what every resource needs; undefined = nothing. */
  fault(body: JsonObject): string | undefined;
  readEncryption(encryption: unknown): EncryptionReading | undefined;
  /** Identity between the wire of an api-version and the kept form. */
  identityIn(identity: JsonObject, apiVersion: string): JsonObject;
  identityOut(identity: JsonObject, apiVersion: string): JsonObject;
}
