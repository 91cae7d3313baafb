import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { describeApi } from '../../../../functions/triggers/describe-api';
import {
  approveRequest,
  exportQuery,
  listQuery,
  pageQuery,
  startRequest,
  verifyQuery,
} from '../../../../shared/contracts/http';
import { agreeing } from '../../../../shared/contracts/http-answers';
import type { Plan } from '../../../../shared/contracts/rotation';
import { key, makeWorld, rotationId } from '../../shared/use-cases/world';
import { type Answer, type Asked, away, surface } from './surface';

afterEach(() => jest.restoreAllMocks());

type Json = Record<string, unknown>;
interface Described {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: Json }[];
  readonly requestBody?: { content: Record<string, { schema: Json }> };
  readonly responses: Record<string, { content?: Record<string, { schema: { $ref?: string } }> }>;
}

// What a client reads has crossed the wire.
const api = JSON.parse(JSON.stringify(describeApi())) as {
  openapi: string;
  info: { version: string };
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, Json> };
};
const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
);

/** A schema of the document, with what it refers to, as a check. */
function checkOf(schema: Json): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: api.components.schemas });
  return z.fromJSONSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')));
}

describe('the description of the API', () => {
  test('lists exactly the HTTP functions that are registered, with their methods, paths and keys', () => {
    const described = operations.map(({ operationId, path, method, security }) => ({
      name: operationId,
      route: path.replace(/^\/api\//, ''),
      methods: [method.toUpperCase()],
      authLevel: security === undefined ? 'function' : 'anonymous',
    }));
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    const registered = surface(makeWorld().ports).routes.map(({ name, path, method, authLevel }) => ({
      ...{ name, route: path, methods: [method], authLevel },
    }));
    expect(described.sort(byName)).toEqual(registered.sort(byName));
    expect(registered.length).toBeGreaterThan(14);
  });

  test('is OpenAPI 3.1 of this version of the app, and every reference in it leads somewhere', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(api).toMatchObject({ openapi: '3.1.0', info: { title: 'Keyturn', version } });
    const references = [...JSON.stringify(api).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    expect(references.length).toBeGreaterThan(20);
    for (const [, name = ''] of references) expect(Object.keys(api.components.schemas)).toContain(name);
  });

  test('is what the route answers', async () => {
    expect((await surface(makeWorld().ports).ask('openapi.json')).body).toEqual(api);
  });

  test('answers every failure as problem+json, but for health, which answers what is missing', () => {
    for (const { operationId, responses } of operations) {
      for (const [status, { content = {} }] of Object.entries(responses)) {
        if (Number(status) < 400 || (operationId === 'health' && status === '503')) continue;
        expect({ operationId, status, content: Object.keys(content) }).toEqual({
          operationId,
          status,
          content: ['application/problem+json'],
        });
      }
    }
  });

  test('a schema that says something else than its interface does not compile', () => {
    const less = z.object({ planHash: z.string() });
    // @ts-expect-error members are missing
    expect(agreeing<Plan>()(less)).toBe(less);
    const wider = z.object({ name: z.string(), more: z.string() });
    // @ts-expect-error a member is one too many
    expect(agreeing<{ name: string }>()(wider)).toBe(wider);
  });
});

describe('requests', () => {
  const version = 'a'.repeat(32);
  const bodies: Record<string, readonly [z.ZodType, readonly unknown[]]> = {
    startRotation: [
      startRequest,
      [
        { key, reason: 'by hand' },
        { key, reason: 'by hand', dryRun: true, toVersion: version },
        { key, reason: 'by hand', toVersion: null },
        { key, reason: ' ' },
        { key, reason: '' },
        { key, reason: 'r'.repeat(501) },
        { key },
        { reason: 'by hand' },
        { key: '', reason: 'by hand' },
        { key: 'k'.repeat(513), reason: 'by hand' },
        { key, reason: 'by hand', toVersion: 'v2' },
        { key, reason: 'by hand', dryRun: 'yes' },
        { key, reason: 'by hand', dryrun: true },
        { key: 7, reason: 'by hand' },
        [],
        null,
        'text',
      ],
    ],
    approveRotation: [
      approveRequest,
      [
        { planHash: 'a'.repeat(64) },
        { planHash: 'A'.repeat(64) },
        { planHash: 'a'.repeat(63) },
        { planHash: 'a'.repeat(64), force: true },
        { planHash: null },
        {},
      ],
    ],
  };
  test.each(Object.entries(bodies))(
    'the body of %s is taken and refused alike by document and route',
    (name, given) => {
      const [schema, samples] = given;
      const { requestBody } = operations.find(({ operationId }) => operationId === name) ?? {};
      const check = checkOf(requestBody?.content['application/json']?.schema ?? {});
      const verdicts = (of: z.ZodType) =>
        samples.map((sample) => [JSON.stringify(sample), of.safeParse(sample).success]);
      expect(verdicts(check)).toEqual(verdicts(schema));
      expect(new Set(verdicts(schema).map(([, taken]) => taken))).toEqual(new Set([true, false]));
    },
  );

  const times = ['2026-11-22T12:00:00Z', '2026-11-22T12:00:00+01:00', '2026-11-22', '2026-13-01T00:00:00Z', 'now', ''];
  const numbers = ['1', '200', '0', '201', '1.5', 'x'];
  const queries: Record<string, readonly [z.ZodType, Readonly<Record<string, readonly string[]>>]> = {
    listRotations: [
      listQuery,
      { key: [key, ''], phase: ['soaking', 'soaked'], from: times, to: times, limit: numbers, continuation: ['c', ''] },
    ],
    getRotationAudit: [pageQuery, { limit: numbers, continuation: ['c', '', 'c'.repeat(2049)] }],
    exportAudit: [
      exportQuery,
      {
        key: [key, ''],
        rotationId: ['r', '', 'r'.repeat(101)],
        target: ['dps/d', '', 'd'.repeat(201)],
        actor: ['keyturn', '', 'a'.repeat(257)],
        outcome: ['done', 'well'],
        from: times,
        to: times,
        format: ['csv', 'ndjson', 'xml'],
        limit: ['1', '10000', '0', '10001', 'x'],
        continuation: ['c', ''],
      },
    ],
    verifyAudit: [verifyQuery, { key: [key, '', 'k'.repeat(513)] }],
  };
  test.each(Object.entries(queries))(
    'the query of %s is taken and refused alike by document and route',
    (name, given) => {
      const [schema, samples] = given;
      const parameters = operations.find(({ operationId }) => operationId === name)?.parameters ?? [];
      const inQuery = parameters.filter((parameter) => parameter.in === 'query');
      expect(inQuery.map((parameter) => parameter.name).sort()).toEqual(Object.keys(samples).sort());
      for (const { name: member, schema: described, required } of inQuery) {
        expect(required).toBe(!schema.safeParse({}).success);
        const check = checkOf(described);
        for (const text of samples[member] ?? []) {
          const sent = described['type'] === 'integer' && text !== '' ? Number(text) : text;
          const taken = { member, text, taken: schema.safeParse({ [member]: text }).success };
          expect({ member, text, taken: check.safeParse(sent).success }).toEqual(taken);
        }
      }
    },
  );

  test('the id of a rotation is the only parameter of a path', () => {
    for (const { path, parameters = [] } of operations) {
      const ids = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
      expect(ids).toEqual(path.includes('{id}') ? ['id'] : []);
    }
  });
});

describe('answers', () => {
  /** The document knows the status and the type, and the body is what it says. */
  function expectDescribed(name: string, { status, headers, body }: Answer): void {
    const response = operations.find(({ operationId }) => operationId === name)?.responses[status];
    const type = headers['content-type'] ?? 'application/json';
    const schema = response?.content?.[type.split(';')[0] ?? '']?.schema;
    expect({ name, status, type, described: schema !== undefined }).toEqual({ name, status, type, described: true });
    if (schema?.$ref !== undefined) expect(checkOf(schema).safeParse(body)).toMatchObject({ success: true });
  }

  test('of every route are as the document says, when all goes well and when it does not', async () => {
    const world = makeWorld();
    const app = surface(world.ports);
    const post = (body?: unknown): Asked => ({ method: 'POST', body });
    const on = async (name: string, address: string, asked: Asked, status: number): Promise<Answer> => {
      const answered = await app.ask(address, asked);
      expect({ name, status: answered.status }).toEqual({ name, status });
      expectDescribed(name, answered);
      return answered;
    };
    await on('startRotation', 'rotations', post({ key, reason: 'by hand', dryRun: true }), 200);
    await on('startRotation', 'rotations', post({ key: 'x' }), 400);
    await on('startRotation', 'rotations', { method: 'POST', text: 'x'.repeat(20_000) }, 413);
    const headers = { 'idempotency-key': 'once' };
    const { body } = await on('startRotation', 'rotations', { ...post({ key, reason: 'by hand' }), headers }, 202);
    await on('startRotation', 'rotations', post({ key, reason: 'again' }), 409);
    await on('startRotation', 'rotations', { ...post({ key, reason: 'another' }), headers }, 422);
    const at = `rotations/${body.rotationId}`;
    await on('getRotation', at, {}, 200);
    await on('getRotation', `rotations/${rotationId}`, {}, 404);
    await on('getRotationAudit', `${at}/audit`, {}, 200);
    await on('listRotations', 'rotations', {}, 200);
    await on('listRotations', 'rotations?limit=0', {}, 400);
    await on('rollbackRotation', `${at}/rollback`, post(), 409);
    await on('pauseRotation', `${at}/pause`, post(), 202);
    await on('approveRotation', `${at}/approve`, post({}), 400);
    await on('listKeys', 'keys', {}, 200);
    await on('exportAudit', 'audit', {}, 200);
    await on('exportAudit', 'audit?format=csv', {}, 200);
    await on('exportAudit', 'audit?format=xml', {}, 400);
    await on('verifyAudit', 'audit/verify', {}, 200);
    await on('openApi', 'openapi.json', {}, 200);
    await on('health', 'health', {}, 200);
    world.ledger.interfere.failAlways('read', away());
    await on('startRotation', 'rotations', post({ key, reason: 'once more' }), 503);
    await on('listKeys', 'keys', {}, 200);
    world.history.interfere.failAlways('get', new TypeError('a bug'));
    await on('getRotation', at, {}, 500);
    const missing = { ok: false, sweep: null, needs: [{ name: 'tables', ok: false, message: 'are away' }] };
    expectDescribed('health', await surface(world.ports, missing).ask('health'));
  });
});
