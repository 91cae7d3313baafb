import { TableClient } from '@azure/data-tables';
import { ManagedIdentityCredential } from '@azure/identity';
import { CryptographyClient, KeyClient, type KeyWrapAlgorithm } from '@azure/keyvault-keys';

/**
 * What a user would write instead of Keyturn, with the SDKs as their documentation shows them: for each record unwrap, wrap, write.
 * Prints one line: `{"keys": …, "milliseconds": …}`.
 */

interface Row {
  partitionKey: string;
  rowKey: string;
  kid: string;
  alg: KeyWrapAlgorithm;
  blob: string;
}

async function main(): Promise<void> {
  // biome-ignore lint/style/noProcessEnv: it has no other way to be told
  const { AzureWebJobsStorage: storage = '', TABLE: name = '', NEXT_KID: nextKid = '' } = process.env;
  const table = TableClient.fromConnectionString(storage, name, { allowInsecureConnection: true });
  const credential = new ManagedIdentityCredential();
  const options = { disableChallengeResourceVerification: true };
  const { origin, pathname } = new URL(nextKid);
  const [, , keyName = '', version = ''] = pathname.split('/');
  const key = await new KeyClient(origin, credential, options).getKey(keyName, { version });
  const next = new CryptographyClient(key, credential, options);
  const previous = new Map<string, CryptographyClient>();
  const began = performance.now();
  let keys = 0;
  for await (const { partitionKey, rowKey, kid, alg, blob } of table.listEntities<Row>()) {
    if (kid === nextKid) continue;
    const client = previous.get(kid) ?? new CryptographyClient(kid, credential, options);
    previous.set(kid, client);
    const { result: dataKey } = await client.unwrapKey(alg, Buffer.from(blob, 'base64url'));
    const { result: wrapped } = await next.wrapKey(alg, dataKey);
    const changed = { kid: nextKid, blob: Buffer.from(wrapped).toString('base64url') };
    await table.updateEntity({ partitionKey, rowKey, ...changed }, 'Merge');
    keys += 1;
  }
  process.stdout.write(`${JSON.stringify({ keys, milliseconds: performance.now() - began })}\n`);
}

void main();
