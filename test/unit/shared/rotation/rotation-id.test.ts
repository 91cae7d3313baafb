import fc from 'fast-check';
import { instanceIdOf, newRotationId, requestedAtOf, rotationIdOfEvent } from '../../../../shared/rotation/rotation-id';

const key = 'https://kv.vault.azure.net/keys/kek';
const now = new Date('2026-11-22T14:35:01.123Z');
const event = {
  key,
  type: 'KeyNearExpiry',
  version: 'v1',
  eventTime: '2026-11-22T14:30:00.5Z',
  receivedAt: '2026-11-22T14:35:01.123Z',
};

test('a rotation id holds the time of the request and can be a table key, a URL segment and an instance id', () => {
  const id = newRotationId(key, now, () => 'abc123');
  expect(id).toMatch(/^20261122T143501123Z-[0-9a-f]{6}-abc123$/);
  expect(requestedAtOf(id)).toEqual(now);
  expect(instanceIdOf(id, 3)).toBe(`${id}.3`);
  expect(instanceIdOf(id, 3)).toMatch(/^[A-Za-z0-9._-]{1,100}$/);
});

test('rotation ids sort by the time of the request', () => {
  const dates = fc.date({ min: new Date(0), max: new Date('9999-01-01'), noInvalidDate: true });
  fc.assert(
    fc.property(dates, dates, (a, b) => {
      const [idA, idB] = [a, b].map((at) => newRotationId(key, at, () => '000000'));
      expect(Math.sign(a.getTime() - b.getTime())).toBe(idA === idB ? 0 : (idA ?? '') < (idB ?? '') ? -1 : 1);
      expect(requestedAtOf(idA ?? '')).toEqual(a);
    }),
  );
});

test('randomness that is no letter or digit, or too short, makes no id', () => {
  expect(() => newRotationId(key, now, () => 'a/b?c#')).toThrow(RangeError);
  expect(() => newRotationId(key, now, () => 'abc')).toThrow(RangeError);
});

test.each(['', 'x', '20261122T143501123Z', '20260230T000000000Z-abcdef-000000', '20261122T143501123Z-abcdef-000000.1'])(
  '%j is not a rotation id',
  (text) => {
    expect(requestedAtOf(text)).toBeNull();
  },
);

describe('the rotation id of an event', () => {
  test('is the same whenever the event is delivered', () => {
    const later = { ...event, receivedAt: '2026-11-22T15:00:00.000Z' };
    expect(rotationIdOfEvent(later)).toBe(rotationIdOfEvent(event));
    expect(requestedAtOf(rotationIdOfEvent(event))).toEqual(new Date('2026-11-22T14:30:00.500Z'));
  });

  test('differs between types, versions and keys', () => {
    const others = [event, { ...event, type: 'KeyExpired' }, { ...event, version: 'v2' }, { ...event, key: `${key}2` }];
    expect(new Set(others.map(rotationIdOfEvent)).size).toBe(4);
  });

  test.each([null, 'yesterday', '2099-01-01T00:00:00Z', '1950-01-01T00:00:00Z'])(
    'takes the time of the receipt where the event time is %j, which cannot be',
    (eventTime) => {
      expect(requestedAtOf(rotationIdOfEvent({ ...event, eventTime }))).toEqual(now);
    },
  );
});
