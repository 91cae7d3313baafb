import { constants, createHmac, createPublicKey, type KeyObject, publicEncrypt, webcrypto } from 'node:crypto';
import type { TableClient, TransactionAction } from '@azure/data-tables';

/** The public half of a version, as Key Vault's REST API answers it. */
export interface PublicJwk {
  /** Versioned key identifier. */
  readonly kid: string;
  readonly n: string;
  readonly e: string;
}

/** What an owner has: so many data keys, each of which can be told again from its number alone. */
export interface Owned {
  readonly table: Pick<TableClient, 'createTable' | 'listEntities' | 'submitTransaction' | 'tableName'>;
  readonly keys: number;
  readonly withCheckValues: boolean;
  /** Of which all data keys are derived. */
  readonly secret: Buffer;
}

/** One partition holds the keys of one tenant. */
const partitionSize = 1000;
const batchSize = 100;
/** Batches on their way at once. */
const sideBySide = 4;

/** Fills the owner's table: every data key of 32 bytes, wrapped with the version in use, every fourth with the older algorithm. */
export async function fill({ table, keys, withCheckValues, secret }: Owned, jwk: PublicJwk): Promise<void> {
  const publicKey = createPublicKey({ key: { kty: 'RSA', n: jwk.n, e: jwk.e }, format: 'jwk' });
  await table.createTable();
  const batches = Array.from({ length: Math.ceil(keys / batchSize) }, (_, index) => index * batchSize);
  const write = async (): Promise<void> => {
    for (let from = batches.shift(); from !== undefined; from = batches.shift()) {
      const actions: TransactionAction[] = [];
      for (let number = from; number < Math.min(from + batchSize, keys); number++) {
        const dataKey = dataKeyOf(secret, number);
        const alg = number % 4 === 3 ? 'RSA-OAEP' : 'RSA-OAEP-256';
        const entity = {
          ...placeOf(number),
          ...{ kid: jwk.kid, alg, blob: wrap(publicKey, alg, dataKey) },
          ...(withCheckValues ? { check: checkValue(dataKey) } : {}),
          owner: ownerOf(number),
        };
        actions.push(['create', entity]);
      }
      await table.submitTransaction(actions);
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, write));
}

/** What was found when every record was read back and opened. All but `right` and `onNext` should be nothing. */
export interface ReadBack {
  /** Records whose blob opens, with the version that they name, to the data key that their owner had put there. */
  right: number;
  /** Data keys that were there before and do not open any more, or are gone, or whose owner's own column is. */
  lost: number;
  /** Records that nobody put there, or that were rewrapped more than once: their old blob is not their owner's. */
  doubled: number;
  /** Records whose new blob or whose old one the vault was never asked to open, or that have no fit check value. */
  unverified: number;
  onNext: number;
}

export interface Opening {
  /** PEM of a version's private key; undefined if there is no such version. */
  privateKey(version: string): string | undefined;
  /** How often the vault opened a blob, by `version beginning-of-the-blob`. */
  readonly opened: Readonly<Record<string, number>>;
  readonly previousKid: string;
  readonly nextKid: string;
}

interface Row {
  readonly partitionKey: string;
  readonly rowKey: string;
  readonly kid: string;
  readonly alg: string;
  readonly blob: string;
  readonly check?: string;
  readonly previous?: string;
  readonly owner?: string;
}

/** Reads every record of the owner's and opens it with the very version that it names. */
export async function readBack({ table, keys, withCheckValues, secret }: Owned, opening: Opening): Promise<ReadBack> {
  const found: ReadBack = { right: 0, lost: 0, doubled: 0, unverified: 0, onNext: 0 };
  const open = opener(opening);
  const met = new Uint8Array(keys);
  for await (const rows of table.listEntities<Row & Record<string, unknown>>().byPage({ maxPageSize: 1000 })) {
    await Promise.all(
      rows.map(async (row) => {
        const number = numberOf(row);
        if (number === null || number >= keys || met[number] === 1) {
          found.doubled += 1;
          return;
        }
        met[number] = 1;
        const dataKey = await open(row);
        const expected = dataKeyOf(secret, number);
        if (dataKey?.equals(expected) === true && row.owner === ownerOf(number)) found.right += 1;
        if (row.kid === opening.nextKid) found.onNext += 1;
        const previous = keptOf(row);
        if (previous !== null && previous.kid !== opening.previousKid) found.doubled += 1;
        const asked = openedEnough(row, previous, opening, withCheckValues ? 1 : 2);
        if (!asked || row.check !== checkValue(expected)) found.unverified += 1;
      }),
    );
  }
  found.lost = keys - found.right;
  return found;
}

function openedEnough(row: Row, previous: Kept | null, { opened }: Opening, times: number): boolean {
  const count = ({ kid, blob }: Kept) => opened[`${versionOf(kid)} ${blob.slice(0, 16)}`] ?? 0;
  return previous !== null && count(row) >= 1 && count(previous) >= times;
}

interface Kept {
  readonly kid: string;
  readonly blob: string;
}

function keptOf({ previous }: Row): Kept | null {
  return previous === undefined ? null : (JSON.parse(previous) as Kept);
}

/** Opens blobs with the vault's own private keys, on the thread pool; undefined for one that does not open. */
function opener({ privateKey }: Opening): (row: Row) => Promise<Buffer | undefined> {
  const imported = new Map<string, Promise<webcrypto.CryptoKey>>();
  const keyFor = (version: string, alg: string): Promise<webcrypto.CryptoKey> | undefined => {
    const pem = privateKey(version);
    if (pem === undefined) return undefined;
    const hash = alg === 'RSA-OAEP' ? 'SHA-1' : 'SHA-256';
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    return webcrypto.subtle.importKey('pkcs8', der, { name: 'RSA-OAEP', hash }, false, ['decrypt']);
  };
  return async ({ kid, alg, blob }) => {
    const name = `${versionOf(kid)} ${alg}`;
    const key = imported.get(name) ?? keyFor(versionOf(kid), alg);
    if (key === undefined) return undefined;
    imported.set(name, key);
    try {
      const opened = await webcrypto.subtle.decrypt({ name: 'RSA-OAEP' }, await key, Buffer.from(blob, 'base64url'));
      return Buffer.from(opened);
    } catch {
      return undefined;
    }
  };
}

const versionOf = (kid: string): string => kid.split('/').at(-1) ?? '';

function placeOf(number: number): { partitionKey: string; rowKey: string } {
  const tenant = Math.floor(number / partitionSize);
  return {
    partitionKey: `tenant-${String(tenant).padStart(4, '0')}`,
    rowKey: `key-${String(number).padStart(7, '0')}`,
  };
}

const numberOf = ({ rowKey }: Row): number | null => (/^key-\d{7}$/.test(rowKey) ? Number(rowKey.slice(4)) : null);

const ownerOf = (number: number): string => `owner of key ${number}`;

const dataKeyOf = (secret: Buffer, number: number): Buffer =>
  createHmac('sha256', secret).update(`data key ${number}`).digest();

const checkValue = (dataKey: Buffer): string =>
  createHmac('sha256', dataKey).update('keyturn/check/v1', 'ascii').digest().subarray(0, 16).toString('base64url');

function wrap(key: KeyObject, alg: string, dataKey: Buffer): string {
  const oaepHash = alg === 'RSA-OAEP' ? 'sha1' : 'sha256';
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, dataKey).toString('base64url');
}
