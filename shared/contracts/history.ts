/** What can be wrong with a history. Stable: programs go by it. */
export const historyFaults = [
  'edited',
  'removed',
  'reordered',
  'cut-off',
  'forged',
  'signed-by-another-key',
  'signing-key-gone',
  'anchor-missing',
] as const;
export type HistoryFault = (typeof historyFaults)[number];
