import { longestBody } from '../../../../shared/contracts/http';
import { admit } from '../../../../shared/rotation/admission';
import { SupersededError } from '../../../../shared/rotation/errors';
import type { Start } from '../../../../shared/rotation/requests';
import { enter, key, kid, makeWorld, ready, rotationId, v1, type World } from '../../shared/use-cases/world';
import { type Asked, away, surface } from './surface';

afterEach(() => jest.restoreAllMocks());

function setUp(world: World = makeWorld()) {
  return { world, ...surface(world.ports) };
}

const post = (body: unknown, more: Asked = {}): Asked => ({ method: 'POST', body, ...more });
const start = { key, reason: 'because' };

const nothingStarted = ({ world, client }: ReturnType<typeof setUp>): void => {
  expect(client.started).toEqual([]);
  expect(world.effects.filter((effect) => /^(update|append|put|createVersion|replace)/.test(effect))).toEqual([]);
};

describe('POST /api/rotations', () => {
  test('answers 202 with the place and the id of the rotation, and starts it under that id', async () => {
    const app = setUp();
    const answer = await app.ask('rotations', post(start));
    const id = answer.body.rotationId;
    expect(answer).toMatchObject({
      status: 202,
      headers: { location: `http://localhost:7071/api/rotations/${id}`, 'content-type': 'application/json' },
    });
    expect(app.client.started).toEqual([
      { instanceId: id, input: expect.objectContaining({ rotationId: id, key, generation: 1, reason: 'because' }) },
    ]);
    expect((await app.ask(`rotations/${id}`)).body).toMatchObject({ rotationId: id, phase: 'requested' });
  });

  test.each<[string, Asked, string[]]>([
    ['JSON that is none', { method: 'POST', text: '{"key":' }, ['body']],
    ['an empty body', { method: 'POST', text: '' }, ['body']],
    ['null', post(null), ['body']],
    ['a list', post([]), ['body']],
    ['an unknown field', post({ ...start, dryrun: true }), ['dryrun']],
    ['two unknown fields', post({ ...start, a: 1, b: 2 }), ['a', 'b']],
    ['a bad version', post({ ...start, toVersion: 'latest' }), ['toVersion']],
    ['no reason', post({ key }), ['reason']],
    ['an empty reason', post({ key, reason: '  ' }), ['reason']],
    [
      'several faults at once',
      post({ reason: '', dryRun: 'yes', toVersion: 7, x: 1 }),
      ['dryRun', 'key', 'reason', 'toVersion', 'x'],
    ],
    ['a faulty key among other faults', post({ key: 'kek', reason: '', x: 1 }), ['key', 'reason', 'x']],
    ['an unknown key', post({ ...start, key: 'https://kv-test.vault.azure.net/keys/other' }), ['key']],
    ['a vault outside the configuration', post({ ...start, key: 'https://evil.vault.azure.net/keys/kek' }), ['key']],
    ['a key that is no key identifier', post({ ...start, key: 'kek' }), ['key']],
    ['a key with a version', post({ ...start, key: kid(v1) }), ['key']],
    [
      'an Idempotency-Key that is too long',
      post(start, { headers: { 'idempotency-key': 'x'.repeat(201) } }),
      ['header'],
    ],
  ])('answers 400 to %s and lists every issue', async (_what, asked, paths) => {
    const app = setUp();
    const answer = await app.ask('rotations', asked);
    expect(answer).toMatchObject({
      status: 400,
      headers: { 'content-type': 'application/problem+json' },
      body: { type: 'about:blank', status: 400, title: 'Invalid request' },
    });
    expect(answer.body.issues.map(({ path }: { path: string }) => path).sort()).toEqual(paths);
    nothingStarted(app);
  });

  test('answers 413 to a body over the limit, whether it says its length or not', async () => {
    const app = setUp();
    const tooLong = JSON.stringify({ ...start, reason: 'é'.repeat(longestBody / 2) });
    const declared = { 'content-length': String(longestBody + 1) };
    for (const asked of [{ text: tooLong }, { text: JSON.stringify(start), headers: declared }]) {
      expect(await app.ask('rotations', { method: 'POST', ...asked })).toMatchObject({
        status: 413,
        body: { status: 413 },
      });
    }
    nothingStarted(app);
  });

  test.each([
    ['no other key', { run: 'replace' }],
    ['a key identifier with a version', { run: 'replace', replacement: `${key}/${v1}` }],
    ['something that is no key identifier', { run: 'replace', replacement: 'https://kv/secrets/x' }],
    ['another key for a run that goes to none', { replacement: 'https://kv-new.vault.azure.net/keys/kek-2' }],
  ])('answers 400 to a replacement that names %s', async (_what, more) => {
    const app = setUp();
    const answer = await app.ask('rotations', post({ ...start, ...more }));
    expect([answer.status, answer.body.issues]).toMatchObject([400, [{ path: 'replacement' }]]);
    nothingStarted(app);
  });

  test('a replacement by a key that rotation.json does not allow is refused in the plan, by name', async () => {
    const app = setUp();
    const replacement = 'https://kv-new.vault.azure.net/keys/kek-2';
    const answer = await app.ask('rotations', post({ ...start, run: 'replace', replacement, dryRun: true }));
    expect([answer.status, answer.body.decision]).toEqual([200, 'refuse']);
    expect(answer.body.checks.filter(({ result }: { result: string }) => result === 'no')).toMatchObject([
      { code: 'replacement-not-configured' },
    ]);
  });

  test('a run of a key that was replaced is answered 422 with the line to change', async () => {
    const app = setUp();
    Object.assign(app.world.managed, { successor: 'https://kv-new.vault.azure.net/keys/kek-2' });
    for (const dryRun of [true, false]) {
      const answer = await app.ask('rotations', post({ ...start, dryRun }));
      expect([answer.status, answer.body.title]).toEqual([422, 'key-replaced']);
      expect(answer.body.detail).toContain('"key": "https://kv-new.vault.azure.net/keys/kek-2"');
    }
  });

  test('a dry run answers 200 with the plan and leaves nothing behind', async () => {
    const app = setUp();
    const answer = await app.ask('rotations', post({ ...start, dryRun: true }));
    expect(answer).toMatchObject({ status: 200, body: { decision: 'go', previousVersion: v1, nextVersion: null } });
    expect(answer.body.checks.length).toBeGreaterThan(10);
    nothingStarted(app);
  });

  test('I5 a second start while one runs is answered 409 with the id, the phase and what is allowed', async () => {
    const app = setUp();
    const run = await ready(app.world);
    expect(await app.ask('rotations', post(start))).toMatchObject({
      status: 409,
      body: { rotationId: run.rotationId, phase: 'rewrapping', allowed: ['rollback', 'pause'] },
    });
    expect(app.client.started).toEqual([]);
  });

  test('the same Idempotency-Key gets the first answer again; with another body it is refused', async () => {
    const app = setUp();
    const headers = { 'idempotency-key': 'once' };
    const first = await app.ask('rotations', post(start, { headers }));
    const second = await app.ask('rotations', post(start, { headers }));
    expect([second.status, second.body]).toEqual([202, first.body]);
    expect(new Set(app.client.started.map(({ instanceId }) => instanceId)).size).toBe(1);
    expect(await app.ask('rotations', post({ ...start, reason: 'another' }, { headers }))).toMatchObject({
      status: 422,
    });
  });

  test('an engine that is away: 503, the claim is free, and the same request runs when it is made again', async () => {
    const app = setUp();
    const headers = { 'idempotency-key': 'once' };
    app.client.fails.start = true;
    const failed = await app.ask('rotations', post(start, { headers }));
    expect(failed).toMatchObject({ status: 503, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } });
    expect(JSON.stringify(failed)).not.toContain('secret');
    expect((await app.world.ledger.read(key)).claim?.rotationId).toBeNull();
    app.client.fails.start = false;
    const again = await app.ask('rotations', post(start, { headers }));
    expect(again.status).toBe(202);
    expect(app.client.started).toHaveLength(1);
    const [started] = app.client.started;
    const { input: request, instanceId } = started as { input: Start['request']; instanceId: string };
    expect(await admit(app.world.ports, { request, instanceId, now: app.world.now() })).toMatchObject({
      admitted: true,
    });
  });

  test('an engine that started it and whose answer was lost has started it', async () => {
    const app = setUp();
    app.client.fails.lostStart = true;
    expect((await app.ask('rotations', post(start))).status).toBe(202);
    expect((await app.world.ledger.read(key)).claim?.rotationId).not.toBeNull();
  });

  test('I5 a claim that a dead start has left behind is started by the next one', async () => {
    const app = setUp();
    app.world.history.interfere.fail('put', 1, away());
    expect(await app.ask('rotations', post(start))).toMatchObject({ status: 503 });
    expect(app.client.started).toEqual([]);
    const answer = await app.ask('rotations', post(start));
    expect(answer.status).toBe(409);
    expect(app.client.started.map(({ instanceId }) => instanceId)).toEqual([answer.body.rotationId]);
  });
});

describe('storage that is away', () => {
  test.each<[string, Asked]>([
    ['rotations', post(start)],
    ['rotations', {}],
    [`rotations/${rotationId}`, {}],
    [`rotations/${rotationId}/audit`, {}],
    [`rotations/${rotationId}/rollback`, post(undefined)],
    ['audit/verify', {}],
  ])('is 503 with Retry-After on %s', async (address, asked) => {
    const app = setUp();
    const { ledger, history, auditLog } = app.world;
    for (const method of ['read', 'update'] as const) ledger.interfere.failAlways(method, away());
    for (const method of ['get', 'list', 'put'] as const) history.interfere.failAlways(method, away());
    auditLog.interfere.failAlways('seals', away());
    const answer = await app.ask(address, asked);
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '17', 'content-type': 'application/problem+json' },
      body: { status: 503, detail: expect.stringContaining('The ledger cannot be reached.') },
    });
  });

  test('an error that nobody foresaw says nothing of itself', async () => {
    const app = setUp();
    app.world.history.interfere.fail('list', 1, new Error('AccountKey=secret'));
    const answer = await app.ask('rotations');
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer)).not.toContain('secret');
  });
});

describe('what is wrong with a request', () => {
  const headers = { 'idempotency-key': 'x'.repeat(201) };
  test.each<[string, Parameters<ReturnType<typeof setUp>['ask']>[1]]>([
    ['rotations', post({})],
    ['rotations', post([])],
    ['rotations', post({ key: 7, reason: 7, dryRun: 7, toVersion: 7, more: 7 })],
    ['rotations', post({ key: '', reason: '', toVersion: 'latest' })],
    ['rotations', post({ key: 'k'.repeat(513), reason: 'r'.repeat(501) })],
    ['rotations', post({ ...start }, { headers })],
    ['rotations?limit=0&phase=dancing&from=yesterday&to=&continuation=&key=', {}],
    ['rotations?limit=many&page=2', {}],
    ['rotations?limit=1.5', {}],
    ['rotations?limit=201', {}],
    ['audit?format=xml&from=x', {}],
    [`rotations?continuation=${'c'.repeat(2049)}`, {}],
  ])('is said in words for people: %s %j', async (address, asked) => {
    const answer = await setUp().ask(address, asked);
    expect(answer.status).toBe(400);
    for (const { message } of answer.body.issues) {
      expect(message).toMatch(/^(is missing: give|must be|is not known here: correct|is not configured)/);
      expect(message).not.toMatch(/Invalid|Too (small|big)|expected|received/);
    }
  });
});

describe('reading', () => {
  test.each([
    ['rotations/20200101T000000000Z-abcdef-000000'],
    ['rotations/20200101T000000000Z-abcdef-000000/audit'],
    ['rotations/..%2F..%2Fetc'],
    [`rotations/${'x'.repeat(101)}`],
  ])('%s is 404', async (address) => {
    const { ask } = setUp();
    expect(await ask(address)).toMatchObject({ status: 404, headers: { 'content-type': 'application/problem+json' } });
  });

  test.each([
    ['rotations?limit=0', ['limit']],
    ['rotations?limit=1000&phase=dancing&from=yesterday', ['from', 'limit', 'phase']],
    ['rotations?page=2', ['page']],
    ['rotations?key=kek', ['key']],
    ['audit/verify?key=kek', ['key']],
    ['audit/verify?kee=x', ['kee']],
  ])('%s is 400 and lists every issue', async (address, paths) => {
    const { ask } = setUp();
    const answer = await ask(address);
    expect(answer.status).toBe(400);
    expect(answer.body.issues.map(({ path }: { path: string }) => path).sort()).toEqual(paths);
  });

  test("the function key in the query is the platform's, not an unknown field", async () => {
    const { ask } = setUp();
    expect((await ask('rotations?code=abc&clientId=default')).body).toEqual({ items: [], continuation: null });
  });

  test('lists, reads and audits what happened', async () => {
    const app = setUp();
    await ready(app.world);
    const list = await app.ask(`rotations?key=${encodeURIComponent(key)}&phase=rewrapping&limit=1`);
    expect(list.body).toMatchObject({ items: [{ rotationId, phase: 'rewrapping' }], continuation: null });
    const audit = await app.ask(`rotations/${rotationId}/audit?limit=2`);
    expect(audit.body.items.map(({ action }: { action: string }) => action)).toEqual(['claim', 'phase']);
    expect(audit.body.continuation).toEqual(expect.any(String));
    expect((await app.ask('audit/verify')).body).toMatchObject({ ok: true, records: expect.any(Number) });
    expect((await app.ask('health')).body).toMatchObject({ ok: true });
  });

  test('all but health ask for a function key, and no route is there twice', () => {
    const { routes } = setUp();
    expect(routes.filter(({ authLevel }) => authLevel !== 'function').map(({ path }) => path)).toEqual(['health']);
    expect(new Set(routes.map(({ method, path }) => `${method} ${path}`)).size).toBe(routes.length);
  });
});

describe('commands over HTTP', () => {
  test('rollback of a live rotation is 202 and wakes its instance; a call that is lost changes nothing about it', async () => {
    const app = setUp();
    await ready(app.world);
    for (const raise of [false, true]) {
      app.client.fails.raise = raise;
      expect(await app.ask(`rotations/${rotationId}/rollback`, post(undefined))).toMatchObject({
        status: 202,
        body: { rotationId },
        headers: { location: `http://localhost:7071/api/rotations/${rotationId}` },
      });
    }
    expect(app.client.raised).toEqual([rotationId]);
    const { commands } = await app.world.ledger.read(key);
    expect(commands.map(({ command }) => command)).toEqual(['rollback', 'rollback']);
  });

  test.each(['resume', 'abandon'])('%s of a live rotation is 409 and names what is allowed', async (name) => {
    const app = setUp();
    await ready(app.world);
    expect(await app.ask(`rotations/${rotationId}/${name}`, post(undefined))).toMatchObject({
      status: 409,
      body: { rotationId, phase: 'rewrapping', allowed: ['rollback', 'pause'] },
    });
  });

  test.each(['resume', 'abandon', 'rollback'])('%s in needs-attention starts a new instance', async (name) => {
    const app = setUp();
    const run = await ready(app.world);
    await enter(app.world, run, 'needs-attention');
    expect((await app.ask(`rotations/${rotationId}/${name}`, post(undefined))).status).toBe(202);
    expect(app.client.started).toMatchObject([
      { instanceId: `${rotationId}.2`, input: { generation: 2, cause: { kind: 'resume', command: name } } },
    ]);
  });

  test('an engine that is away: 503, and the command given again starts the next instance', async () => {
    const app = setUp();
    const run = await ready(app.world);
    await enter(app.world, run, 'needs-attention');
    app.client.fails.start = true;
    expect(await app.ask(`rotations/${rotationId}/resume`, post(undefined))).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
    });
    app.client.fails.start = false;
    expect((await app.ask(`rotations/${rotationId}/resume`, post(undefined))).status).toBe(202);
    expect(app.client.started.map(({ instanceId }) => instanceId)).toEqual([`${rotationId}.3`]);
  });

  test('rollback of a rotation whose instance has died starts one that goes back, and shuts the dead one out', async () => {
    const app = setUp();
    const run = await ready(app.world);
    app.client.instances.add(rotationId);
    app.client.ended.add(rotationId);
    expect((await app.ask(`rotations/${rotationId}/rollback`, post(undefined))).status).toBe(202);
    const [started] = app.client.started;
    expect(started).toMatchObject({
      instanceId: `${rotationId}.2`,
      input: { cause: { kind: 'resume', command: 'rollback' } },
    });
    const { input: request, instanceId } = started as { input: Start['request']; instanceId: string };
    expect(await admit(app.world.ports, { request, instanceId, now: app.world.now() })).toMatchObject({
      admitted: true,
      direction: 'back',
    });
    await expect(enter(app.world, run, 'soaking')).rejects.toThrow(SupersededError);
    // A second click meets the new instance, which lives.
    expect((await app.ask(`rotations/${rotationId}/rollback`, post(undefined))).status).toBe(202);
    expect(app.client.started).toHaveLength(1);
    expect(app.client.raised).toEqual([`${rotationId}.2`]);
  });

  test('for a rotation that nobody knows is 404', async () => {
    const { ask } = setUp();
    expect((await ask(`rotations/${rotationId}/rollback`, post(undefined))).status).toBe(404);
  });
});

describe('the key event trigger', () => {
  const nearExpiry = {
    id: 'e1',
    eventType: 'Microsoft.KeyVault.KeyNearExpiry',
    eventTime: '2026-11-22T11:00:00Z',
    data: { Id: kid(v1), ObjectType: 'Key' },
  };

  test('starts a rotation once, however often the event comes', async () => {
    const app = setUp();
    for (let time = 0; time < 5; time++) await app.event(nearExpiry);
    expect(app.client.started).toHaveLength(1);
    expect(app.client.started[0]?.input).toMatchObject({
      key,
      cause: { kind: 'event', type: 'KeyNearExpiry', version: v1 },
    });
  });

  test.each([['text'], [null], [{}], [{ ...nearExpiry, data: { Id: 'https://evil.vault.azure.net/keys/kek/1' } }]])(
    'drops %j without a word to Event Grid',
    async (event) => {
      const app = setUp();
      await expect(app.event(event)).resolves.toBeUndefined();
      nothingStarted(app);
    },
  );

  test('throws when the ledger cannot be written or nothing could be started, and then starts on the next delivery', async () => {
    const app = setUp();
    app.world.ledger.interfere.fail('recordEvent', 1, away());
    await expect(app.event(nearExpiry)).rejects.toThrow();
    app.client.fails.start = true;
    await expect(app.event(nearExpiry)).rejects.toThrow();
    app.client.fails.start = false;
    app.world.ledger.interfere.fail('markEventStarted', 1, away());
    await expect(app.event(nearExpiry)).rejects.toThrow();
    await app.event(nearExpiry);
    await app.event(nearExpiry);
    expect(app.client.started).toHaveLength(1);
  });

  /** Counts what the ledger is asked to remember, and how much of it at once. */
  function watchLedger({ world }: ReturnType<typeof setUp>) {
    const { ledger } = world.ports;
    const { recordEvent } = ledger;
    const seen = { ids: [] as string[], open: 0, most: 0 };
    ledger.recordEvent = async (of, event) => {
      seen.ids.push(event.eventId);
      seen.open += 1;
      seen.most = Math.max(seen.most, seen.open);
      await new Promise((done) => setImmediate(done));
      seen.open -= 1;
      return recordEvent(of, event);
    };
    return seen;
  }

  test('looks at a few of the events that come at once, in their order, so that the first batches are answered in time', async () => {
    const app = setUp();
    const seen = watchLedger(app);
    const events = Array.from({ length: 500 }, (_, index) => ({
      ...nearExpiry,
      id: `e${index}`,
      data: { Id: kid(String(index).padStart(32, '0')) },
    }));
    await Promise.all(events.map(app.event));
    expect(seen.ids).toEqual(events.map(({ id }) => id));
    expect(seen.most).toBe(32);
    expect(app.client.started).toHaveLength(500);
  });

  test('a crowd of repeats asks the ledger for the first few alone', async () => {
    const app = setUp();
    const seen = watchLedger(app);
    await Promise.all(Array.from({ length: 500 }, (_, index) => app.event({ ...nearExpiry, id: `e${index}` })));
    expect(seen.ids.length).toBeLessThanOrEqual(32);
    await app.event({ ...nearExpiry, id: 'late' });
    expect(seen.ids).not.toContain('late');
    expect(app.client.started).toHaveLength(1);
  });

  test('I2 an id that was seen with another event tells nothing of the event that it comes with now', async () => {
    const app = setUp();
    await app.event(nearExpiry);
    const expired = { ...nearExpiry, eventType: 'Microsoft.KeyVault.KeyExpired' };
    await app.event(expired);
    expect(app.client.started).toHaveLength(1);
    await app.event({ ...expired, id: 'e2' });
    expect(app.client.started).toHaveLength(2);
  });
});
