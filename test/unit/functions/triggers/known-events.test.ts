import { knownEvents } from '../../../../functions/triggers/known-events';

const event = (version: string, type = 'KeyExpired', key = 'https://v.test/keys/k') => ({ key, type, version });

test('an event is known by key, type and version together', () => {
  const known = knownEvents(10);
  known.add(event('1'));
  expect(known.has(event('1'))).toBe(true);
  expect(known.has(event('2'))).toBe(false);
  expect(known.has(event('1', 'KeyNearExpiry'))).toBe(false);
  expect(known.has(event('1', 'KeyExpired', 'https://v.test/keys/l'))).toBe(false);
});

test('no more than so many are known, those that were told of last', () => {
  const known = knownEvents(2);
  for (const version of ['1', '2', '1', '3']) known.add(event(version));
  expect(['1', '2', '3'].filter((version) => known.has(event(version)))).toEqual(['1', '3']);
});
