import fc from 'fast-check';
import { components, type Operation, operations } from '../../functions/triggers/api-routes';
import type { AccessRules } from '../../shared/access/caller';
import { problemAnswer } from '../../shared/contracts/http-answers';
import { type Answer, surface } from '../unit/functions/triggers/surface';
import { completed, key, makeWorld, rotationId, v1 } from '../unit/shared/use-cases/world';
import { changesAmong } from './effects';
import { deep, junk, near, text, tries, unpolluted } from './junk';

jest.setTimeout(3_600_000);
afterEach(() => jest.restoreAllMocks());

const rules: AccessRules = { reader: ['Readers'], operator: ['Operators'], approver: ['Approvers'] };

const right: Readonly<Record<string, unknown>> = {
  StartRequest: {
    ...{ key, reason: 'because', dryRun: true, toVersion: v1, run: 'rotate' },
    adopt: { rotationPolicy: { expiresIn: 'P90D', rotatesBeforeExpiry: 'P30D' }, expiresOn: '2027-11-22T00:00:00Z' },
    replacement: 'https://kv-other.vault.azure.net/keys/kek',
  },
  ApproveRequest: { planHash: '0'.repeat(64) },
  PauseRequest: { reason: 'because' },
};

const body = ({ body: component }: Operation): fc.Arbitrary<string> => {
  const json = component === undefined ? junk : fc.oneof({ weight: 3, arbitrary: near(right[component]) }, junk, deep);
  return fc.oneof({ weight: 5, arbitrary: json.map((value) => JSON.stringify(value) ?? '') }, text);
};

/** As a function key looks; who asks with it knows it, but answers are logged on their way by others. */
const functionKey = 'Zm5rLXRoYXQtbm9ib2R5LW1heS1zZWUtYWdhaW4tMDE';

/** Names that the route knows and others, each with anything for a value. */
const query = ({ query: schema }: Operation): fc.Arbitrary<Record<string, string>> => {
  const names = [...Object.keys(schema?.shape ?? {}), 'code', 'clientId', '__proto__', 'unknown'];
  const value = fc.oneof(text, fc.constantFrom(key, '1', '50', '2026-11-22T00:00:00Z', 'csv', rotationId));
  const asked = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 3, noNullPrototype: true });
  const simple = fc.record({ limit: fc.constantFrom('1', '2') });
  return fc.oneof(asked, simple).map((chosen) => ({ ...chosen, code: functionKey }));
};

/** As a header may be sent at all: Latin-1 without control characters. */
const headerText = text.map((value) => value.replace(/[^\x20-\x7e\xa0-\xff]/g, '?').trim());
const principal = fc.oneof(
  headerText,
  junk.map((value) => Buffer.from(JSON.stringify(value) ?? '').toString('base64')),
  near({ auth_typ: 'aad', role_typ: 'roles', claims: [{ typ: 'roles', val: 'Nobody' }] }).map((value) =>
    Buffer.from(JSON.stringify(value) ?? '').toString('base64'),
  ),
);
const headers = fc.record(
  {
    'idempotency-key': headerText,
    'x-ms-client-principal': principal,
    'x-ms-client-principal-id': fc.oneof(headerText, fc.constant('aaaa-1')),
    'x-ms-client-principal-name': headerText,
    'x-forwarded-for': headerText,
    accept: headerText,
    'content-length': fc.oneof(headerText, fc.constantFrom('-1', '1e9', '999999999', '0')),
  },
  { requiredKeys: [] },
);

const request = (operation: Operation) =>
  fc.record({
    id: fc.oneof(text, fc.constantFrom(rotationId, '..', 'r-1')),
    query: query(operation),
    headers,
    body: body(operation),
  });

const address = ({ path }: Operation, id: string, asked: Record<string, string>): string => {
  const safe = encodeURIComponent(id.toWellFormed()).replace(/^\.{1,2}$/, 'dots');
  const wellFormed = Object.entries(asked).map(([name, value]): [string, string] => [name, value.toWellFormed()]);
  return `${path.replace('/api/', '').replace('{id}', safe || 'empty')}?${new URLSearchParams(wellFormed)}`;
};

/** What an answer must be, whatever was asked. @returns what is wrong with it */
function faultsOf({ status, headers: sent, body: content, text: written }: Answer, operation: Operation): string[] {
  const described = { ...(operation.open ? {} : { 401: 1, 403: 1 }), 413: 1, 429: 1, ...operation.answers };
  const type = sent['content-type'] ?? 'application/json';
  const { json } = (operation.answers[status] ?? {}) as { json?: keyof typeof components };
  return [
    ...(status in described ? [] : [`${status} is not described`]),
    ...(status >= 500 ? [`answered ${status}`] : []),
    ...(status >= 400 && type !== 'application/problem+json' ? [`an error as ${type}`] : []),
    ...(status >= 400 && !problemAnswer.strict().safeParse(content).success ? ['no problem document'] : []),
    ...(json !== undefined && !components[json].safeParse(content).success ? [`no ${json}`] : []),
    ...(written.length > 200_000 ? [`${written.length} characters`] : []),
    ...(JSON.stringify([sent, written]).includes(functionKey) ? ['the function key is in the answer'] : []),
    ...(unpolluted() ? [] : ['every object has a member more']),
  ];
}

/** Whoever was refused has changed nothing. */
const nothingDone = (before: number, after: number, effects: readonly string[]): string[] => [
  ...(before === after ? [] : ['an orchestration was started']),
  ...changesAmong(effects),
];

describe('Whatever a route is asked, it answers as it is described, and changes nothing when it refuses', () => {
  test.each(operations.map((operation) => [`${operation.method} ${operation.path}`, operation] as const))(
    '%s',
    async (_, operation) => {
      const world = makeWorld(['iotHub', 'dps']);
      await completed(world);
      const open = surface(world.ports);
      const seen = new Set<number>();
      await fc.assert(
        fc.asyncProperty(request(operation), async ({ id, query: asked, headers: sent, body: content }) => {
          // Long enough for the caller's allowance to be whole again.
          world.pass(60);
          world.effects.length = 0;
          const [started, method] = [open.client.started.length, operation.method === 'get' ? 'GET' : 'POST'] as const;
          const more = method === 'POST' ? { text: content.toWellFormed() } : {};
          const answer = await open.ask(address(operation, id, asked), { method, headers: sent, ...more });
          seen.add(answer.status);
          const done = answer.status < 400 ? [] : nothingDone(started, open.client.started.length, [...world.effects]);
          expect([...faultsOf(answer, operation), ...done]).toEqual([]);
        }),
        tries(40),
      );
      // What it takes without a word is tried too, or the rest proves little.
      expect(seen.size).toBeGreaterThan(operation.open || operation.path === '/api/openapi.json' ? 0 : 1);
    },
  );
});

describe('Where roles decide, nobody is let in by a principal that he made up', () => {
  test('on any route', async () => {
    const world = makeWorld(['iotHub', 'dps']);
    const guarded = surface(world.ports, undefined, rules);
    const closed = operations.filter(({ open }) => open !== true);
    const asked = fc.constantFrom(...closed).chain((operation) => fc.tuple(fc.constant(operation), request(operation)));
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(asked, async ([operation, { id, query: wanted, headers: sent, body: content }]) => {
        world.pass(60);
        world.effects.length = 0;
        const method = operation.method === 'get' ? 'GET' : 'POST';
        const more = method === 'POST' ? { text: content.toWellFormed() } : {};
        const answer = await guarded.ask(address(operation, id, wanted), { method, headers: sent, ...more });
        seen.add(answer.status);
        expect([401, 403, 413]).toContain(answer.status);
        expect([
          ...faultsOf(answer, operation),
          ...nothingDone(0, guarded.client.started.length, world.effects),
        ]).toEqual([]);
      }),
      tries(200),
    );
    expect([...seen].sort()).toEqual([401, 403, 413]);
  });
});
