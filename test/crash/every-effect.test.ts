import { everyEffect } from '../edges/port-effects';
import { readDocument } from './document';

/** Effects that no run of the matrix has, each with why. */
const elsewhere: Readonly<Record<string, string>> = {};

test('every effect that a port can have is a point of some run, or it is said why it is none', () => {
  const document = readDocument();
  const missing = everyEffect.filter((effect) => !document.includes(`/${effect}#`));
  expect(missing).toEqual(Object.keys(elsewhere));
});
