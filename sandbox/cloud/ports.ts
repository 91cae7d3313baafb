/**
 * Where the local cloud listens when nobody asks for free ports. Vaults, hubs and provisioning services come one after the other,
 * ten of each at most, in the order of the seed.
 */
export const FIXED_PORTS = {
  arm: 7443,
  token: 7444,
  identityEndpoint: 7445,
  eventGrid: 7446,
  alertTopic: 7447,
  control: 7448,
  logs: 7449,
  vaults: 7450,
  hubs: 7460,
  provisioningServices: 7470,
};
