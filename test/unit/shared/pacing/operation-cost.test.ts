import { creationCost, documentedUnits, keyOperationCost } from '../../../../shared/rotation/operation-cost';

test.each([
  [2048, false, 4000],
  [2048, true, 2000],
  [3072, false, 1000],
  [3072, true, 500],
  [4096, false, 500],
  [4096, true, 250],
])('a vault allows operations with RSA-%i, hsm %s: %i in ten seconds', (size, hsm, operations) => {
  expect(documentedUnits / keyOperationCost({ size, hsm })).toBe(operations);
});

test('a vault allows 20 new versions in ten seconds, half as many in an HSM', () => {
  expect(documentedUnits / creationCost(false)).toBe(20);
  expect(documentedUnits / creationCost(true)).toBe(10);
});

test('what is not known of a key is taken for the cheapest', () => {
  expect(keyOperationCost({})).toBe(1);
  expect(keyOperationCost({ hsm: true })).toBe(2);
  expect(keyOperationCost({ size: 4096 })).toBe(8);
});
