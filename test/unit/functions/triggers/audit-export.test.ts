import type { AuditRecord } from '../../../../shared/rotation/ports';
import type { RotationPorts } from '../../../../shared/rotation/run-ports';
import { verifyChain } from '../../../fakes/chain-alone';
import { key, makeWorld } from '../../shared/use-cases/world';
import { surface } from './surface';

afterEach(() => jest.restoreAllMocks());

const at = (second: number): string => new Date(Date.UTC(2026, 10, 22, 12, 0, second)).toISOString();

async function setUp(records: number, message = (index: number): string => `Step ${index}.`) {
  const world = makeWorld();
  for (let index = 1; index <= records; index++) {
    const entry = {
      rotationId: 'run',
      at: at(index),
      actor: 'keyturn',
      action: 'rewrap',
      target: index % 2 === 0 ? 'iotHub/hub-1' : null,
      outcome: 'done' as const,
      message: message(index),
      details: { kid: 'a,b', count: index, none: null },
    };
    await world.auditLog.append(key, entry, `${index}`);
  }
  const { ask } = surface(world.ports);
  return { world, ask, stored: world.auditLog.stored(key) };
}

const linesOf = (text: string): string[] => {
  expect(text.endsWith('\n')).toBe(true);
  return text.slice(0, -1).split('\n');
};

describe('GET /api/audit', () => {
  test('exports every record of the only key as NDJSON, from which a stranger can verify the chain', async () => {
    const { ask, stored } = await setUp(450);
    const { status, headers, text } = await ask('audit');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/x-ndjson');
    const records = linesOf(text).map((line) => JSON.parse(line) as AuditRecord);
    expect(records).toEqual(stored);
    const last = records.at(-1);
    const head = { chain: 1, sequence: last?.sequence ?? 0, hash: last?.hash ?? '' };
    expect(await verifyChain(records, head, key)).toMatchObject({ ok: true, records: 450 });
  });

  test('a history without records is an empty body', async () => {
    expect((await (await setUp(0)).ask('audit')).text).toBe('');
  });

  test.each([
    ['audit?format=csv', {}],
    ['audit', { accept: 'text/csv' }],
  ])('%s with %j exports CSV: a header, then a line for each record', async (address, headers) => {
    const { ask } = await setUp(2);
    const answer = await ask(address, { headers });
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
    const [header, first, second, ...more] = linesOf(answer.text);
    expect(header).toBe('sequence,at,rotationId,key,actor,action,target,outcome,message,details,previousHash,hash');
    expect(first).toMatch(
      /^1,2026-11-22T12:00:01\.000Z,run,https:[^,]+,keyturn,rewrap,,done,Step 1\.,"\{""kid"":""a,b""/,
    );
    expect(second).toMatch(/,iotHub\/hub-1,done,Step 2\.,/);
    expect(more).toEqual([]);
  });

  test('asked for NDJSON by name, it is NDJSON whatever is accepted', async () => {
    const { ask } = await setUp(1);
    const answer = await ask('audit?format=ndjson', { headers: { accept: 'text/csv' } });
    expect(answer.headers['content-type']).toBe('application/x-ndjson');
  });

  test('a text that a spreadsheet would run stays a text, and quotes and line ends stay in their cell', async () => {
    const texts = ['=HYPERLINK("x")', '+1', '-1', '@SUM(A1)', '\tx', 'one\r\n"two", three'];
    const { ask } = await setUp(texts.length, (index) => texts[index - 1] ?? '');
    const { text } = await ask('audit?format=csv');
    expect(text).toContain(`"'=HYPERLINK(""x"")"`);
    for (const formula of ["'+1", "'-1", "'@SUM(A1)", "'\tx"]) expect(text).toContain(`,done,${formula},`);
    expect(text).toContain('"one\r\n""two"", three"');
    expect(text).not.toMatch(/,[=+@-]/);
  });

  test('from and to narrow it, both ends included', async () => {
    const { ask } = await setUp(5);
    const { text } = await ask(`audit?from=${at(2)}&to=${at(4)}`);
    expect(linesOf(text).map((line) => JSON.parse(line).sequence)).toEqual([2, 3, 4]);
  });

  test('a key that is not configured any more still has its history', async () => {
    const { world, ask } = await setUp(1);
    const former = `${key}-former`;
    const [record] = world.auditLog.stored(key);
    const { sequence: _1, previousHash: _2, hash: _3, key: _4, ...entry } = record as AuditRecord;
    await world.auditLog.append(former, { ...entry, message: 'Long ago.' }, 'a');
    expect((await ask(`audit?key=${encodeURIComponent(former)}`)).text).toContain('Long ago.');
  });

  test.each(['audit', 'audit/verify'])('%s of a key that was mistyped is 404, and no verdict', async (address) => {
    const { ask } = surface(makeWorld().ports);
    const { status, body } = await ask(`${address}?key=${encodeURIComponent(`${key}-mistyped`)}`);
    expect([status, body.title]).toEqual([404, 'No such history']);
  });

  test.each(['audit', 'audit/verify'])('%s has to be told which of several keys', async (address) => {
    const world = makeWorld();
    const ports: RotationPorts = { ...world.ports, keys: [key, `${key}-2`] };
    const { ask } = surface(ports);
    const { status, body } = await ask(address);
    expect(status).toBe(400);
    expect(body.issues).toEqual([{ path: 'key', message: expect.stringContaining(`${key}-2`) }]);
    expect((await ask(`${address}?key=${encodeURIComponent(key)}`)).status).toBe(200);
  });

  test.each([
    ['audit?key=kek', 'key'],
    ['audit?from=yesterday', 'from'],
    ['audit?format=xml', 'format'],
    ['audit?since=now', 'since'],
  ])('%s is 400 and names what is wrong', async (address, path) => {
    const { status, body } = await (await setUp(1)).ask(address);
    expect(status).toBe(400);
    expect(body.issues).toEqual([{ path, message: expect.any(String) }]);
  });
});
