import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { AccessToken, TokenCredential } from '@azure/core-auth';
import { createDataPlane } from '../../shared/azure/data-plane';
import { createResourceManager } from '../../shared/azure/resource-manager';
import { audiences, dpsApi, dpsId, hubApi, hubId, identities, TestCloud } from '../sandbox/arm-cloud';
import { describeServicesContract } from './services.contract';

jest.setTimeout(60_000);

const machine = getCACertificates('default');
const names = { iotHub: 'hub-a', dps: 'dps-a' } as const;
const operations = { iotHub: 'hubOperation', dps: 'dpsOperation' } as const;
const app = identities.find(({ name }) => name === 'app')?.principalId ?? '';

let cloud: TestCloud | undefined;
afterEach(() => cloud?.close());

describeServicesContract('the adapters against the stand-ins', async () => {
  const started = await TestCloud.start();
  cloud = started;
  const { context, arm, vault } = started;
  setDefaultCACertificates([...machine, readFileSync(context.certificates.caFile, 'utf8')]);
  const credential: TokenCredential = {
    getToken: async (scopes): Promise<AccessToken> => ({
      token: context.tokens.issue(app, String(scopes).replace('/.default', '')),
      expiresOnTimestamp: Date.now() + 3_000_000,
    }),
  };
  const resourceManager = createResourceManager(credential, { endpoint: arm.url, audience: audiences.arm });
  const dataPlane = createDataPlane(credential, { iotHubAudience: audiences.hub, dpsAudience: audiences.dps });
  const hub = await resourceManager.get(hubId, hubApi);
  const { encryption } = hub['properties'] as { encryption: { keyVaultProperties: { keyIdentifier: string }[] } };
  let away: string | undefined;
  return {
    resourceManager,
    dataPlane,
    key: `${vault.url}/keys/kek`,
    firstKid: encryption.keyVaultProperties[0]?.keyIdentifier ?? '',
    service: (kind) =>
      kind === 'iotHub'
        ? { id: hubId, apiVersion: hubApi, record: 'device-0001' }
        : { id: dpsId, apiVersion: dpsApi, record: 'enrollment-0001' },
    newVersion: () => started.newVersion(),
    setEnabled: (kid, enabled) => started.enable(kid, enabled),
    read: (kind, readings) => arm.setModes(names[kind], readings),
    failNextOperation: (kind, code) => {
      const effect = { kind: 'operationFails', code, message: 'It was asked to fail.' } as const;
      context.faults.add({ standIn: 'arm', name: names[kind], operation: operations[kind], times: 1, effect });
    },
    vaultAway: (now) => {
      if (away !== undefined) context.faults.remove(away);
      away = now ? context.faults.add({ standIn: 'keyVault', effect: { kind: 'status', status: 503 } }) : undefined;
    },
    pass: (seconds) => started.advance(seconds),
  };
});
