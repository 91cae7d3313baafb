import { landedIn, writesIn } from './record-writes';

const record = (rowKey: string) => ({
  PartitionKey: 'p',
  RowKey: rowKey,
  kid: 'https://v/keys/k/2',
  blob: `new-${rowKey}`,
});
const part = (rowKey: string, verb = 'PATCH') =>
  [
    '--changeset_1',
    'content-type: application/http',
    'content-transfer-encoding: binary',
    '',
    `${verb} http://127.0.0.1:1/devstoreaccount1/keys(PartitionKey='p',RowKey='${rowKey}') HTTP/1.1`,
    'Content-Type: application/json',
    'If-Match: W/"1"',
    '',
    '',
    JSON.stringify(record(rowKey)),
  ].join('\r\n');

const sent = (method: string, target: string, text: string) => ({
  method,
  target,
  headers: {},
  body: Buffer.from(text),
});
const batch = (...parts: string[]) => sent('POST', '/devstoreaccount1/$batch', parts.join('\r\n'));

test('every write of a data key in a transaction is seen, whatever else is in it', () => {
  const found = writesIn(batch(part('a'), part('b', 'DELETE'), part('c', 'PUT')));
  expect(found.map(({ table, id, blob }) => [table, id, blob])).toEqual([
    ['keys', 'p/a', 'new-a'],
    ['keys', 'p/c', 'new-c'],
  ]);
});

test('a single write of a data key is seen, a read and a write of something else are none', () => {
  const target = "/devstoreaccount1/keys(PartitionKey='p',RowKey='a')?timeout=5";
  expect(writesIn(sent('PATCH', target, JSON.stringify(record('a')))).map(({ id }) => id)).toEqual(['p/a']);
  expect(writesIn(sent('GET', target, ''))).toEqual([]);
  expect(writesIn(sent('PATCH', target, '{"phase":"completed"}'))).toEqual([]);
});

test('a transaction that says of one part that it failed did not land', () => {
  const said = (...codes: number[]) => Buffer.from(codes.map((code) => `HTTP/1.1 ${code} x\r\n`).join(''));
  expect([
    landedIn(202, said(204, 204)),
    landedIn(202, said(204, 412)),
    landedIn(412, said()),
    landedIn(204, said()),
  ]).toEqual([true, false, false, true]);
});
