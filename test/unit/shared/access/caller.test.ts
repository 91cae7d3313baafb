import { type AccessRules, admit, type Header } from '../../../../shared/access/caller';

const rules: AccessRules = {
  reader: ['Keyturn.Reader'],
  operator: ['Keyturn.Operator', 'group-1'],
  approver: ['p-approver'],
};

/** The headers that the platform sets, about somebody with these claims. */
function signedIn(
  claims: readonly (readonly [typ: string, val: string])[],
  { id = 'p-1', name = 'alice@contoso.com', more = {} }: { id?: string; name?: string; more?: object } = {},
): Record<string, string> {
  const principal = { auth_typ: 'aad', claims: claims.map(([typ, val]) => ({ typ, val })), ...more };
  return {
    'x-ms-client-principal': Buffer.from(JSON.stringify(principal)).toString('base64'),
    'x-ms-client-principal-id': id,
    'x-ms-client-principal-name': name,
  };
}
const headers =
  (given: Record<string, string>): Header =>
  (name) =>
    given[name] ?? null;

describe('without rules', () => {
  test('whoever has the function key may do everything, and the header is not believed', () => {
    const given = headers({ ...signedIn([['roles', 'Keyturn.Reader']]), 'x-forwarded-for': '203.0.113.7' });
    for (const role of ['reader', 'operator', 'approver'] as const) {
      expect(admit(given, null, role)).toEqual({
        admitted: true,
        caller: { actor: 'operator (function key)', principalId: null, grantedBy: null, from: '203.0.113.7' },
      });
    }
  });
});

describe('with rules', () => {
  test('a role is had by an app role, a group or an object id, and the claim that gave it is told', () => {
    const asked = (given: Record<string, string>, role: 'operator' | 'approver') => admit(headers(given), rules, role);
    expect(asked(signedIn([['roles', 'keyturn.operator']]), 'operator')).toMatchObject({
      caller: { actor: 'alice@contoso.com (p-1)', principalId: 'p-1', grantedBy: 'roles keyturn.operator' },
    });
    expect(asked(signedIn([['groups', 'group-1']]), 'operator')).toMatchObject({
      caller: { grantedBy: 'groups group-1' },
    });
    expect(asked(signedIn([], { id: 'P-Approver' }), 'approver')).toMatchObject({
      caller: { principalId: 'p-approver', grantedBy: 'id P-Approver' },
    });
    const microsoft = 'http://schemas.microsoft.com/ws/2008/06/identity/claims/role';
    expect(asked(signedIn([[microsoft, 'group-1']]), 'operator')).toMatchObject({ admitted: true });
    expect(asked(signedIn([['job', 'group-1']], { more: { role_typ: 'job' } }), 'operator')).toMatchObject({
      admitted: true,
    });
  });

  test('who may do anything may read; who may read may do nothing else', () => {
    for (const value of ['Keyturn.Reader', 'Keyturn.Operator']) {
      expect(admit(headers(signedIn([['roles', value]])), rules, 'reader').admitted).toBe(true);
    }
    expect(admit(headers(signedIn([['roles', 'Keyturn.Reader']])), rules, 'operator')).toEqual({
      admitted: false,
      why: 'role',
      who: 'alice@contoso.com (p-1)',
    });
  });

  test('an operator may not approve, nor an approver operate', () => {
    expect(admit(headers(signedIn([['roles', 'Keyturn.Operator']])), rules, 'approver').admitted).toBe(false);
    expect(admit(headers(signedIn([], { id: 'p-approver' })), rules, 'operator').admitted).toBe(false);
  });

  test('a claim of another kind with the right value gives nothing', () => {
    expect(admit(headers(signedIn([['nickname', 'Keyturn.Operator']])), rules, 'operator').admitted).toBe(false);
    expect(admit(headers(signedIn([], { name: 'p-approver' })), rules, 'approver').admitted).toBe(false);
  });

  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
  test.each<[string, Record<string, string>]>([
    ['nothing', {}],
    ['an id without a principal', { 'x-ms-client-principal-id': 'p-approver' }],
    ['a principal without an id', { 'x-ms-client-principal': encoded({ claims: [] }) }],
    ['an id that is none', { ...signedIn([['roles', 'Keyturn.Operator']]), 'x-ms-client-principal-id': 'a b' }],
    ['a principal that is no JSON', { 'x-ms-client-principal-id': 'p-1', 'x-ms-client-principal': 'e30=e30' }],
    ['a principal without claims', { 'x-ms-client-principal-id': 'p-1', 'x-ms-client-principal': encoded({}) }],
    ['a principal that is null', { 'x-ms-client-principal-id': 'p-1', 'x-ms-client-principal': encoded(null) }],
    [
      'a principal without end',
      { ...signedIn([['roles', 'x'.repeat(70_000)]]), 'x-ms-client-principal-id': 'p-approver' },
    ],
  ])('%s is nobody', (_what, given) => {
    expect(admit(headers(given), rules, 'reader')).toEqual({ admitted: false, why: 'unknown', who: null });
  });

  test('claims that are no claims are passed over', () => {
    const claims = [null, 7, { typ: 'roles' }, { typ: 'roles', val: 3 }, { typ: 'roles', val: 'Keyturn.Operator' }];
    const given = { 'x-ms-client-principal-id': 'p-1', 'x-ms-client-principal': encoded({ claims }) };
    expect(admit(headers(given), rules, 'operator')).toMatchObject({
      admitted: true,
      caller: { actor: 'unnamed (p-1)' },
    });
  });

  test('a name cannot forge lines of the history', () => {
    const given = signedIn([['roles', 'Keyturn.Operator']], { name: 'eve\r\nbob (p-2)\u0000' });
    expect(admit(headers(given), rules, 'operator')).toMatchObject({ caller: { actor: 'eve??bob (p-2)? (p-1)' } });
  });
});

test.each([
  ['198.51.100.1, 203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:50123', '203.0.113.7'],
  ['2001:db8::1', '2001:db8::1'],
  ['[2001:db8::2]', '2001:db8::2'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['203.0.113.7, <script>', null],
  ['', null],
])('of the addresses %j the platform wrote the last: %j', (forwarded, from) => {
  expect(admit(headers({ 'x-forwarded-for': forwarded }), null, 'reader')).toMatchObject({ caller: { from } });
});
