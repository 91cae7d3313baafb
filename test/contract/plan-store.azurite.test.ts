import type { TokenCredential } from '@azure/core-auth';
import { createBlobPlanStore } from '../../shared/azure/blob-plan-store';
import { createPlanContainer } from '../../shared/azure/plan-container';
import { useAzurite } from './azurite';

const azurite = useAzurite();

test('a plan is kept under its rotation and hash, and keeping it again changes nothing', async () => {
  const container = createPlanContainer(azurite().storage, {} as TokenCredential);
  const plans = createBlobPlanStore(async () => container);
  const document = { planHash: 'abc', checks: [{ code: 'exists', message: 'é' }] };
  await plans.put('run', 'abc', document);
  await plans.put('run', 'abc', document);
  const blob = await container.getBlockBlobClient('run/abc.json').downloadToBuffer();
  expect(JSON.parse(blob.toString())).toEqual(document);
});

test('storage that cannot be reached is a fault, and is tried anew the next time', async () => {
  // Nobody listens on port 1.
  const connectionString =
    'AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/a;DefaultEndpointsProtocol=http;';
  const gone = createPlanContainer({ by: 'connection-string', connectionString }, {} as TokenCredential);
  const plans = createBlobPlanStore(async () => gone);
  const refused = { name: 'FaultError', code: 'unreachable' };
  await expect(plans.put('run', 'abc', {})).rejects.toMatchObject(refused);
  await expect(plans.put('run', 'abc', {})).rejects.toMatchObject(refused);
});
