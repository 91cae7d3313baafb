import { RouteTable } from '../../sandbox/host/routes';
import type { AppFunction } from '../../sandbox/host/rpc';

function table(routes: Readonly<Record<string, string>>, prefix = 'api'): RouteTable {
  const functions = Object.entries(routes).map(([name, route]): AppFunction => {
    const trigger = { type: 'httpTrigger', direction: 'in', name: 'request', route, methods: ['GET'] };
    return { name, trigger, bindings: { request: trigger }, callback: () => undefined };
  });
  return new RouteTable(functions, prefix);
}

const found = (routes: RouteTable, path: string): unknown => {
  const match = routes.find('GET', path);
  return match && [match.target.name, match.params];
};

describe('routes', () => {
  const routes = table({
    rest: 'files/{*path}',
    one: 'rotations/{id}',
    list: 'rotations',
    named: 'rotations/latest',
    audit: 'rotations/{id}/audit',
    number: 'things/{n:int}',
    word: 'things/{w}',
    maybe: 'maybe/{x?}',
  });

  test.each([
    ['a route without parameters', '/api/rotations', ['list', {}]],
    ['a trailing slash', '/api/rotations/', ['list', {}]],
    ['a parameter', '/api/rotations/r%201', ['one', { id: 'r 1' }]],
    ['a literal before a parameter', '/api/rotations/latest', ['named', {}]],
    ['literals in any case', '/API/Rotations/R1/AUDIT', ['audit', { id: 'R1' }]],
    ['a constraint before none', '/api/things/12', ['number', { n: '12' }]],
    ['no constraint where it does not hold', '/api/things/twelve', ['word', { w: 'twelve' }]],
    ['an optional parameter that is there', '/api/maybe/1', ['maybe', { x: '1' }]],
    ['an optional parameter that is not', '/api/maybe', ['maybe', {}]],
    ['a catch-all', '/api/files/a/b%2Fc', ['rest', { path: 'a/b/c' }]],
    ['nothing under another prefix', '/rotations', undefined],
    ['nothing when parts are left over', '/api/rotations/1/audit/2', undefined],
    ['text that is not properly encoded as it stands', '/api/rotations/%E0%A4', ['one', { id: '%E0%A4' }]],
  ])('find %s', (_, path, expected) => {
    expect(found(routes, path)).toEqual(expected);
  });

  test('an empty prefix serves the root', () => {
    expect(found(table({ home: '/' }, ''), '/')).toEqual(['home', {}]);
  });
});
