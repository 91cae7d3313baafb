import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createContext,
  FaultBook,
  InFlight,
  Permissions,
  RequestLog,
  roleByName,
  SandboxClock,
  TokenAuthority,
} from '../../sandbox/kit';
import { identity } from './cloud-fixture';

const HOUR = 3_600_000;
let directory: string;
let clock: SandboxClock;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyturn-kit-'));
  clock = new SandboxClock(join(directory, 'clock.json'));
});

afterEach(() => {
  clock.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('the clock', () => {
  test('runs what is due by a jump, in the order of the due times, and nothing that is due later', () => {
    const ran: string[] = [];
    const now = clock.nowMilliseconds();
    clock.schedule(now + 3 * HOUR, true, () => void ran.push('third hour'));
    clock.schedule(now + HOUR, false, () => void ran.push('first hour'));
    clock.schedule(now + 2 * HOUR, true, () => void ran.push('second hour'));
    clock.advanceTo(now + 2 * HOUR);
    expect(ran).toEqual(['first hour', 'second hour']);
  });

  test('names only what may pull it as due next', () => {
    const now = clock.nowMilliseconds();
    clock.schedule(now + HOUR, false, () => undefined);
    expect(clock.nextDue()).toBeUndefined();
    const pulling = clock.schedule(now + 2 * HOUR, true, () => undefined);
    expect(clock.nextDue()).toBe(now + 2 * HOUR);
    pulling.cancel();
    expect(clock.nextDue()).toBeUndefined();
  });

  test('never goes back, and is as far ahead after a restart', () => {
    const now = clock.nowMilliseconds();
    clock.advanceTo(now + 5 * HOUR);
    clock.advanceTo(now);
    const again = new SandboxClock(join(directory, 'clock.json'));
    expect(again.nowMilliseconds()).toBeGreaterThanOrEqual(now + 5 * HOUR);
    expect(JSON.parse(readFileSync(join(directory, 'clock.json'), 'utf8'))).toEqual({
      offsetMilliseconds: again.offsetMilliseconds,
    });
  });

  test('is on disk before anything runs at the new time', () => {
    const seen: number[] = [];
    const due = clock.nowMilliseconds() + HOUR;
    clock.schedule(due, true, () => {
      seen.push(
        (JSON.parse(readFileSync(join(directory, 'clock.json'), 'utf8')) as { offsetMilliseconds: number })
          .offsetMilliseconds,
      );
    });
    clock.advanceTo(due);
    expect(seen).toEqual([clock.offsetMilliseconds]);
    expect(clock.offsetMilliseconds).toBeGreaterThan(HOUR - 1000);
  });

  test('runs by itself, without a jump, when the machine gets there', async () => {
    const soon = clock.nowMilliseconds() + 20;
    const ranAt = await new Promise<number>((resolve) => {
      const tooLate = setTimeout(() => resolve(0), 2000);
      clock.schedule(soon, false, () => {
        clearTimeout(tooLate);
        resolve(clock.nowMilliseconds());
      });
    });
    expect(ranAt).toBeGreaterThanOrEqual(soon);
  });

  test('counts work as in flight while it runs, and tells when it is done', async () => {
    let finish: () => void = () => undefined;
    clock.schedule(clock.nowMilliseconds() + HOUR, true, () => new Promise<void>((resolve) => (finish = resolve)));
    clock.advanceTo(clock.nowMilliseconds() + HOUR);
    expect(clock.flight.count).toBe(1);
    finish();
    await clock.idle();
    expect(clock.flight.count).toBe(0);
  });
});

test('what is in flight changes its sequence with every enter and every leave, and leaves only once', () => {
  const flight = new InFlight();
  const leave = flight.enter();
  const during = flight.sequence;
  leave();
  leave();
  expect([during, flight.sequence, flight.count]).toEqual([1, 2, 0]);
});

describe('tokens', () => {
  const someone = identity('someone', 7);
  const authority = new TokenAuthority([someone], 100, Buffer.from('secret'));

  test('say who somebody is, to the audience they were issued for and to no other', () => {
    const header = `Bearer ${authority.issue(someone.principalId, 'https://vault.azure.net')}`;
    expect(authority.verify(header, ['https://vault.azure.net/'])).toEqual({
      principalId: someone.principalId,
      name: 'someone',
    });
    expect(authority.verify(header, ['https://management.azure.com'])).toBeUndefined();
  });

  test('that were all ended hold no more, and those issued after it do', () => {
    const ended = new TokenAuthority([someone], 100, Buffer.from('secret'));
    const before = `Bearer ${ended.issue(someone.principalId, 'a')}`;
    ended.endAll();
    const after = `Bearer ${ended.issue(someone.principalId, 'a')}`;
    expect([ended.verify(before, []), ended.verify(after, [])?.name]).toEqual([undefined, 'someone']);
  });

  test('that are forged, changed, expired or no tokens at all are nobody’s', () => {
    const token = authority.issue(someone.principalId, 'a');
    const [header, , signature] = token.split('.');
    const claims = Buffer.from(JSON.stringify({ oid: 'root', aud: 'a', exp: 9_999_999_999 })).toString('base64url');
    const forged = new TokenAuthority([someone], 100, Buffer.from('another')).issue(someone.principalId, 'a');
    const expired = new TokenAuthority([someone], 0, Buffer.from('secret')).issue(someone.principalId, 'a');
    for (const bad of [`${header}.${claims}.${signature}`, forged, expired, 'x', '']) {
      expect(authority.verify(`Bearer ${bad}`, [])).toBeUndefined();
    }
    expect(authority.verify(undefined, [])).toBeUndefined();
    expect(authority.verify(`Bearer ${token}`, ['a'])?.name).toBe('someone');
  });
});

describe('permissions', () => {
  const scope = '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v';
  const role = (name: string) =>
    `/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/${roleByName(name).id}`;
  const grant = (name: string, at: string): Permissions => {
    const permissions = new Permissions();
    permissions.assignments.push({ id: 'a', principalId: 'p', roleDefinitionId: role(name), scope: at });
    return permissions;
  };

  test.each([
    ['Key Vault Crypto Officer', 'Microsoft.KeyVault/vaults/keys/rotate/action', true],
    ['Key Vault Crypto Officer', 'Microsoft.KeyVault/vaults/keyrotationpolicies/write', true],
    ['Key Vault Crypto Service Encryption User', 'Microsoft.KeyVault/vaults/keys/unwrap/action', true],
    ['Key Vault Crypto Service Encryption User', 'Microsoft.KeyVault/vaults/keys/create/action', false],
    ['Key Vault Reader', 'Microsoft.KeyVault/vaults/keys/read', true],
    ['Key Vault Reader', 'Microsoft.KeyVault/vaults/keys/unwrap/action', false],
    ['Owner', 'Microsoft.KeyVault/vaults/write', true],
    ['Owner', 'Microsoft.KeyVault/vaults/keys/read', false],
    ['Contributor', 'Microsoft.Authorization/roleAssignments/write', false],
    ['Contributor', 'Microsoft.Devices/IotHubs/write', true],
    ['IoT Hub Data Reader', 'Microsoft.Devices/IotHubs/twins/read', true],
    ['IoT Hub Data Reader', 'Microsoft.Devices/IotHubs/write', false],
  ])('%s and %s: %s', (name, action, expected) => {
    expect(grant(name, scope).allows('p', `${scope}/keys/k`, action)).toBe(expected);
  });

  test('reach down from their scope, not sideways', () => {
    const permissions = grant('Key Vault Crypto Officer', scope);
    expect(permissions.allows('p', scope.toUpperCase(), 'Microsoft.KeyVault/vaults/keys/read')).toBe(true);
    expect(permissions.allows('p', `${scope}2/keys/k`, 'Microsoft.KeyVault/vaults/keys/read')).toBe(false);
    expect(permissions.allows('other', scope, 'Microsoft.KeyVault/vaults/keys/read')).toBe(false);
  });
});

describe('faults', () => {
  const request = { standIn: 'arm', name: 'hub', method: 'PUT', path: '/a?x=1', operation: 'putHub' };
  const effect = { kind: 'reset' } as const;

  test('let the first ones pass, strike as often as asked, and are gone', () => {
    const faults = new FaultBook(clock);
    faults.add({ standIn: 'arm', skip: 2, times: 2, effect });
    const struck = Array.from({ length: 6 }, () => faults.take(request) !== undefined);
    expect(struck).toEqual([false, false, true, true, false, false]);
    expect(faults.list()).toEqual([]);
  });

  test('with a share strike exactly that share, never two close together, and for the same seed the same ones', () => {
    const struckBy = (seed: number) => {
      const faults = new FaultBook(clock);
      faults.add({ standIn: 'arm', share: 0.05, seed, effect });
      return Array.from({ length: 400 }, (_, index) => (faults.take(request) === undefined ? -1 : index)).filter(
        (index) => index >= 0,
      );
    };
    const struck = struckBy(7);
    expect(struck).toHaveLength(20);
    const gaps = struck.slice(1).map((index, at) => index - (struck[at] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(10);
    expect(new Set(gaps).size).toBeGreaterThan(5);
    expect(struckBy(7)).toEqual(struck);
    expect(struckBy(8)).not.toEqual(struck);
  });

  test('that strike once per blob let the same one pass the next time, and still strike another', () => {
    const faults = new FaultBook(clock);
    faults.add({ standIn: 'arm', oncePerBlob: true, effect });
    const struck = ['a', 'a', 'b', 'a', 'b'].map((digest) => faults.take({ ...request, digest }) !== undefined);
    expect(struck).toEqual([true, false, true, false, false]);
  });

  test.each([
    ['another stand-in', { standIn: 'dps' }],
    ['another name', { name: 'other' }],
    ['another method', { method: 'GET' }],
    ['another operation', { operation: 'putDps' }],
    ['another path', { path: '^/b' }],
    ['another principal', { principal: 'someone' }],
  ] as const)('do not strike %s', (_, condition) => {
    const faults = new FaultBook(clock);
    faults.add({ standIn: 'arm', effect, ...condition });
    expect(faults.take(request)).toBeUndefined();
  });

  test('of the same id replace one another', () => {
    const faults = new FaultBook(clock);
    faults.add({ id: 'one', standIn: 'arm', effect });
    faults.add({ id: 'one', standIn: 'dps', effect });
    expect(faults.list()).toHaveLength(1);
    expect(faults.take(request)).toBeUndefined();
  });
});

test('requests are counted by stand-in, name, operation and status', () => {
  const log = new RequestLog();
  const one = {
    at: '',
    standIn: 'arm',
    name: 'hub',
    method: 'PUT',
    path: '/',
    operation: 'putHub',
    principal: undefined,
    status: 200,
    answeredAt: 0,
    digest: undefined,
    fault: undefined,
  };
  log.append(one);
  log.append(one);
  log.append({ ...one, standIn: 'keyVault', operation: undefined, status: 0 });
  expect(log.counts()).toEqual({ 'arm hub putHub 200': 2, 'keyVault hub PUT 0': 1 });
  expect(log.counts('keyVault')).toEqual({ 'keyVault hub PUT 0': 1 });
});

test('secrets on disk are for their owner alone', async () => {
  const where = { tenantId: 't', subscriptionId: 's', resourceGroup: 'g', location: 'l', identities: [] };
  const first = await createContext(directory, where);
  const again = await createContext(directory, where);
  expect(again.certificates).toEqual(first.certificates);
  for (const file of ['server.key.pem', 'token-secret']) expect(statSync(join(directory, file)).mode & 0o077).toBe(0);
});
