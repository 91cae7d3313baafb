import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { auditExportLine, type OtherLine } from '../../../../shared/contracts/audit-export';
import { lookAfterHistory } from '../../../../shared/rotation/history-care';
import type { AuditEntry, AuditRecord } from '../../../../shared/rotation/ports';
import type { RotationPorts } from '../../../../shared/rotation/run-ports';
import { verifyChain } from '../../../fakes/chain-alone';
import { fakeAnchorStore, fakeHeadSigner } from '../../../fakes/sealing';
import { key, makeWorld } from '../../shared/use-cases/world';
import { surface } from './surface';

afterEach(() => jest.restoreAllMocks());

const at = (second: number): string => new Date(Date.UTC(2026, 10, 22, 12, 0, second)).toISOString();

const entryOf = (index: number, message = `Step ${index}.`): AuditEntry => ({
  rotationId: 'run',
  at: at(index),
  actor: 'keyturn',
  action: 'rewrap',
  target: index % 2 === 0 ? 'iotHub/hub-1' : null,
  outcome: 'done',
  message,
  details: { kid: 'a,b', count: index, none: null },
});

async function setUp(records: number, message?: (index: number) => string) {
  const world = makeWorld();
  for (let index = 1; index <= records; index++) {
    await world.auditLog.append(key, entryOf(index, message?.(index)), `${index}`);
  }
  const { ask } = surface(world.ports);
  return { world, ask, stored: world.auditLog.stored(key) };
}

/** A history whose newest record is signed and anchored. */
async function setUpSealed(records = 3) {
  const { world } = await setUp(records);
  const sealing = { signer: fakeHeadSigner(), anchors: fakeAnchorStore(), every: 100 };
  const ports: RotationPorts = { ...world.ports, sealing };
  await lookAfterHistory(ports, key);
  const { ask } = surface(ports);
  return { world, ask, stored: world.auditLog.stored(key) };
}

/** The lines of an NDJSON export, records and others apart. */
function read(text: string) {
  const lines = linesOf(text).map((line) => JSON.parse(line) as Partial<OtherLine>);
  return {
    records: lines.filter(({ kind }) => kind === undefined) as unknown as AuditRecord[],
    others: lines.filter(({ kind }) => kind !== undefined) as OtherLine[],
  };
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
    expect(headers['link']).toBeUndefined();
    const { records, others } = read(text);
    expect(records).toEqual(stored);
    const newest = stored.at(-1);
    const head = { chain: 1, sequence: 450, hash: newest?.hash ?? '' };
    expect(others).toEqual([
      {
        kind: 'export',
        schema: 'keyturn/audit-export/v1',
        key,
        exportedAt: '2026-11-22T12:00:00.000Z',
        narrowedBy: null,
        continuation: null,
      },
      { kind: 'head', ...head },
      { kind: 'end', records: 450, continuation: null },
    ]);
    expect(await verifyChain(records, head, key)).toMatchObject({ ok: true, records: 450 });
  });

  test('every line is as its published schema says, which is the file beside the documentation too', async () => {
    const { ask } = await setUpSealed();
    const { text } = await ask('audit');
    const lines = linesOf(text).map((line) => JSON.parse(line));
    for (const line of lines) expect(auditExportLine.safeParse(line)).toMatchObject({ success: true });
    expect(new Set(lines.map(({ kind }) => kind ?? 'record'))).toEqual(
      new Set(['export', 'record', 'seal', 'anchor', 'head', 'end']),
    );
    const published = JSON.parse(readFileSync('docs/audit-export.schema.json', 'utf8'));
    expect(published).toEqual(JSON.parse(JSON.stringify(z.toJSONSchema(auditExportLine))));
  });

  test('the address of the next page does not repeat the function key of the request', async () => {
    const { ask } = await setUpSealed(7);
    const { headers } = await ask('audit?code=c2VjcmV0&clientId=me&limit=3');
    expect(headers['link']).toMatch(/^<http:\/\/localhost:7071\/api\/audit\?limit=3&continuation=[^&>]+>; rel="next"$/);
  });

  test('a long history comes in pages, each naming the next, and only the last has what verifies them', async () => {
    const { ask, stored } = await setUpSealed(7);
    const pages: ReturnType<typeof read>[] = [];
    for (let address: string | undefined = 'audit?limit=3'; address !== undefined; ) {
      const { text, headers } = await ask(address);
      pages.push(read(text));
      address = /\/api\/(\S+)>; rel="next"/.exec(headers['link'] ?? '')?.[1];
    }
    expect(pages.flatMap(({ records }) => records)).toEqual(stored);
    expect(pages.map(({ others }) => others.map(({ kind }) => kind))).toEqual([
      ['export', 'end'],
      ['export', 'end'],
      ['export', 'seal', 'anchor', 'head', 'end'],
    ]);
    expect(pages.map(({ records }) => records.length)).toEqual([3, 3, 1]);
  });

  test('what is appended while it is read is left for the next export, and what was smuggled in past the head is not', async () => {
    const { world, ask } = await setUp(3);
    world.auditLog.interfere.before('list', 1, async () => {
      await world.auditLog.append(key, entryOf(4), '4');
    });
    const { records, others } = read((await ask('audit')).text);
    expect([records.length, others.at(-2)]).toEqual([3, expect.objectContaining({ kind: 'head', sequence: 3 })]);
    const stored = world.auditLog.stored(key);
    stored.push({ ...(stored[3] as AuditRecord), sequence: 5 });
    expect(read((await ask('audit')).text).records).toHaveLength(5);
  });

  test('a history without records has a head line for none', async () => {
    expect(read((await (await setUp(0)).ask('audit')).text).others.map(({ kind }) => kind)).toEqual(['export', 'end']);
  });

  test.each([
    ['target=iotHub/hub-1', [2, 4], { target: 'iotHub/hub-1' }],
    ['actor=keyturn&outcome=done', [1, 2, 3, 4], { actor: 'keyturn', outcome: 'done' }],
    ['outcome=failed', [], { outcome: 'failed' }],
    ['rotationId=run', [1, 2, 3, 4], { rotationId: 'run' }],
  ])('narrowed by %s it says so, and has nothing to verify it with', async (query, sequences, narrowedBy) => {
    const { ask } = await setUpSealed(4);
    const { records, others } = read((await ask(`audit?${query}`)).text);
    expect(records.map(({ sequence }) => sequence)).toEqual(sequences);
    expect(others).toEqual([expect.objectContaining({ narrowedBy }), expect.objectContaining({ kind: 'end' })]);
  });

  test.each([
    ['audit?format=csv', {}],
    ['audit', { accept: 'text/csv' }],
  ])('%s with %j exports CSV: a header, then a line for each record', async (address, headers) => {
    const { ask } = await setUp(2);
    const answer = await ask(address, { headers });
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
    const [header, first, second, ...more] = linesOf(answer.text);
    expect(header).toBe(
      'chain,sequence,at,rotationId,key,actor,action,target,outcome,message,details,previousHash,hash',
    );
    expect(first).toMatch(
      /^1,1,2026-11-22T12:00:01\.000Z,run,https:[^,]+,keyturn,rewrap,,done,Step 1\.,"\{""kid"":""a,b""/,
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
    expect(read(text).records.map(({ sequence }) => sequence)).toEqual([2, 3, 4]);
  });

  test('a key that is not configured any more still has its history', async () => {
    const { world, ask } = await setUp(1);
    const former = `${key}-former`;
    const [record] = world.auditLog.stored(key);
    await world.auditLog.append(former, { ...(record as AuditRecord), message: 'Long ago.' }, 'a');
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
