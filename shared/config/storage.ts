import { httpsAddress } from './cloud';
import type { ReadSetting } from './environment';
import type { Problems } from './problems';

/** Where tables and blobs are. A connection string is a secret and never appears in a message. */
export type StorageLocation =
  | { readonly by: 'connection-string'; readonly connectionString: string }
  | { readonly by: 'identity'; readonly tableEndpoint: string; readonly blobEndpoint: string };

export function readStorage(setting: ReadSetting, problems: Problems): StorageLocation {
  const endpoints = (['KEYTURN_TABLE_ENDPOINT', 'KEYTURN_BLOB_ENDPOINT'] as const).map((name) => {
    const value = setting(name);
    return { name, value, address: value === undefined ? null : httpsAddress(value) };
  });
  if (endpoints.every(({ value }) => value === undefined)) return readConnectionString(setting, problems);
  for (const { name, value, address } of endpoints) {
    if (value === undefined) problems.add(name, 'is missing', 'set both storage endpoints, or neither');
    else if (!address) problems.add(name, 'is not an https address', 'give it as https://<account>.<service>.<suffix>');
  }
  if (setting('KEYTURN_STORAGE_CONNECTION') !== undefined) {
    const whatToDo = 'keep the endpoints (the identity signs in) or the connection string, not both';
    problems.add('KEYTURN_STORAGE_CONNECTION', 'is set beside storage endpoints', whatToDo);
  }
  const [table, blob] = endpoints;
  return { by: 'identity', tableEndpoint: table?.address ?? '', blobEndpoint: blob?.address ?? '' };
}

function readConnectionString(setting: ReadSetting, problems: Problems): StorageLocation {
  const name =
    setting('KEYTURN_STORAGE_CONNECTION') === undefined ? 'AzureWebJobsStorage' : 'KEYTURN_STORAGE_CONNECTION';
  const connectionString = setting(name) ?? '';
  if (connectionString === '') {
    const whatToDo =
      'set AzureWebJobsStorage or KEYTURN_STORAGE_CONNECTION to a connection string, or KEYTURN_TABLE_ENDPOINT and KEYTURN_BLOB_ENDPOINT to the addresses of an account that the identity may use';
    problems.add(name, 'is missing', whatToDo);
    return { by: 'connection-string', connectionString };
  }
  const fault = faultOf(connectionString);
  if (fault !== null) problems.add(name, fault, 'copy it again from the storage account');
  return { by: 'connection-string', connectionString };
}

/**
 * What the SDKs (data-tables 13.3.2, storage-blob 12.34.0) would refuse when a client is made, which is after the start: a key with
 * the account's name and where it is, or a signature with both addresses. Null if nothing; names parts, never their values.
 */
function faultOf(connectionString: string): string | null {
  if (connectionString.startsWith('UseDevelopmentStorage=true')) return null;
  const parts = new Map(connectionString.split(';').map(nameAndValue));
  const has = (part: string): boolean => (parts.get(part) ?? '') !== '';
  const endpoints = ['BlobEndpoint', 'TableEndpoint'] as const;
  const unusable = endpoints.filter((part) => has(part) && !URL.canParse(parts.get(part) ?? ''));
  if (unusable.length > 0) return `has no usable address in ${unusable.join(' and ')}`;
  if (!has('AccountKey') && !has('SharedAccessSignature')) return 'is not a storage connection string';
  const located = has('AccountKey') && has('EndpointSuffix') ? [] : endpoints;
  const byKey = ['DefaultEndpointsProtocol', 'AccountName', 'AccountKey'];
  const missing = [...(has('AccountKey') ? byKey : []), ...located].filter((part) => !has(part));
  if (missing.length > 0) return `has no ${missing.join(' and no ')}`;
  if (has('AccountKey') && !/^https?$/i.test(parts.get('DefaultEndpointsProtocol') ?? '')) {
    return 'has a DefaultEndpointsProtocol that is neither https nor http';
  }
  return null;
}

function nameAndValue(part: string): [string, string] {
  const [name = '', ...value] = part.trim().split('=');
  return [name, value.join('=')];
}
