import { createHmac, generateKeyPairSync, publicEncrypt } from 'node:crypto';
import type { TransactionAction } from '@azure/data-tables';
import { fill, type Owned, readBack } from '../../bench/rewrap/stores';

/** What the benchmark finds wrong, it must be able to find. */

type Row = Record<string, string>;

const keys = 3;
const version = (name: string) => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { name, publicKey, pem, jwk: { kid: `https://vault/keys/kek/${name}`, n, e } };
};
const previous = version('1');
const next = version('2');
const secret = Buffer.alloc(32, 7);

/** As a rotation leaves it: every record on the next version, its old blob beside it. */
async function moved(): Promise<Row[]> {
  const rows: Row[] = [];
  await fill(owned(rows), previous.jwk);
  return rows.map((row, number) => {
    const { kid = '', alg = '', blob = '', ...rest } = row;
    const dataKey = createHmac('sha256', secret).update(`data key ${number}`).digest();
    const oaepHash = alg === 'RSA-OAEP' ? 'sha1' : 'sha256';
    const wrapped = publicEncrypt({ key: next.publicKey, oaepHash }, dataKey).toString('base64url');
    return { ...rest, kid: next.jwk.kid, alg, blob: wrapped, previous: JSON.stringify({ kid, alg, blob }) };
  });
}

const owned = (rows: Row[]): Owned => ({
  ...{ keys, withCheckValues: true, secret },
  table: {
    tableName: 'keys',
    createTable: async () => undefined,
    submitTransaction: async (actions: TransactionAction[]) => {
      rows.push(...actions.map(([, entity]) => entity as unknown as Row));
      return { status: 202, subResponses: [], getResponseForEntity: () => undefined };
    },
    listEntities: () =>
      ({
        byPage: async function* () {
          yield rows;
        },
      }) as never,
  },
});

const openedAll = (rows: readonly Row[]): Record<string, number> => {
  const blobs = rows.flatMap(({ blob = '', previous: kept = '{}' }) => {
    const { blob: old = '' } = JSON.parse(kept) as { blob?: string };
    return [`2 ${blob.slice(0, 16)}`, `1 ${old.slice(0, 16)}`];
  });
  return Object.fromEntries(blobs.map((blob) => [blob, 1]));
};

const look = (rows: Row[], opened = openedAll(rows)) =>
  readBack(owned(rows), {
    privateKey: (name) => [previous, next].find((it) => it.name === name)?.pem,
    opened,
    previousKid: previous.jwk.kid,
    nextKid: next.jwk.kid,
  });

const right = { right: keys, lost: 0, doubled: 0, unverified: 0, onNext: keys };

test('a store that was moved as it should be has nothing lost, doubled or unverified', async () => {
  expect(await look(await moved())).toEqual(right);
});

test.each<[what: string, spoil: (rows: Row[]) => void, found: Partial<typeof right>]>([
  ['a record that is gone', (rows) => rows.pop(), { right: 2, lost: 1, onNext: 2 }],
  ['a blob of another key', ([one, two]) => Object.assign(one ?? {}, { blob: two?.['blob'] }), { right: 2, lost: 1 }],
  ["an owner's column that is gone", ([one]) => delete one?.['owner'], { right: 2, lost: 1 }],
  ['a record that is there twice', (rows) => rows.push({ ...rows[0] }), { doubled: 1 }],
  [
    'a record that was rewrapped twice',
    ([one]) => Object.assign(one ?? {}, { previous: JSON.stringify({ kid: next.jwk.kid, blob: one?.['blob'] }) }),
    { doubled: 1 },
  ],
  [
    'a check value that is wrong',
    ([one, two]) => Object.assign(one ?? {}, { check: two?.['check'] }),
    { unverified: 1 },
  ],
])('%s is found', async (_, spoil, found) => {
  const rows = await moved();
  const opened = openedAll(rows);
  spoil(rows);
  expect(await look(rows, { ...opened, ...openedAll(rows) })).toEqual({ ...right, ...found });
});

test.each([
  ['the new', 2],
  ['the old', 1],
])('%s blob that the vault was never asked to open is found', async (_, name) => {
  const rows = await moved();
  const opened = Object.entries(openedAll(rows)).filter(([blob]) => blob.startsWith(`${name} `));
  const missing = Object.fromEntries(Object.entries(openedAll(rows)).filter(([blob]) => blob !== opened[0]?.[0]));
  expect(await look(rows, missing)).toEqual({ ...right, unverified: 1 });
});
