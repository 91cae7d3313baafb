export { HubData, startHubDataPlane } from './hub';
export { hostileKeyModes, type KeyModes } from './modes';
export { ProvisioningData, startProvisioningDataPlane } from './provisioning';
export { ServiceKey } from './service-key';
export { TokenBucket } from './token-bucket';
export { type KeyReference, KeyVaultTrouble, VaultConnection } from './vault-connection';
