import { answer, type Tables } from '../../sandbox/log-analytics/kql';
import type { Cell } from '../../sandbox/log-analytics/kql-expression';

const at = (hour: number): Date => new Date(Date.UTC(2026, 10, 22, hour));
const rows: readonly Record<string, Cell>[] = [
  { Time: at(1), Who: 'ann', What: 'Open', More: { deep: { id: 'x' } } },
  { Time: at(2), Who: 'ann', What: 'Close', More: {} },
  { Time: at(3), Who: 'Bob', What: 'Open', More: null },
];
const tables: Tables = (name) =>
  name === 'Log'
    ? { columns: ['Time', 'Who', 'What', 'More'], rows: rows.map((row) => new Map(Object.entries(row))) }
    : undefined;
const ask = (query: string): Record<string, Cell>[] => answer(query, tables).rows.map((row) => Object.fromEntries(row));

describe('the query language of the stand-in', () => {
  test.each<[string, string, number]>([
    ['equality', 'Log | where Who == "ann"', 2],
    ['equality that tells case apart', 'Log | where Who == "bob"', 0],
    ['equality that does not', 'Log | where Who =~ "bob"', 1],
    [
      'a window in time',
      'Log | where Time >= datetime(2026-11-22T02:00:00Z) and Time < datetime(2026-11-22T03:00:00Z)',
      1,
    ],
    ['a list', 'Log | where What in ("Open", "Shut") and Who != "ann"', 1],
    ['an expression', 'Log | where Who matches regex "(?i)^B"', 1],
    ['one of two', 'Log | where isempty(Who) or tolower(Who) == "bob"', 1],
    ['what lies deep in a dynamic column', 'Log | where tostring(More.deep["id"]) == "x"', 1],
    ['a column that may not be there', 'Log | where column_ifexists("Nothing", "ann") == "ann"', 3],
    ['a union that leaves out what is not there', 'union isfuzzy=true (Log), (Other | where X == 1)', 3],
  ])('knows %s', (_what, query, count) => {
    expect(ask(query)).toHaveLength(count);
  });

  test('counts and finds the most, by groups', () => {
    expect(ask('Log | summarize N = count(), Last = max(Time) by Who')).toEqual([
      { Who: 'ann', N: 2, Last: at(2) },
      { Who: 'Bob', N: 1, Last: at(3) },
    ]);
  });

  test('answers one row without groups, even of nothing', () => {
    expect(ask('Log | where Who == "nobody" | summarize Last = max(Time)')).toEqual([{ Last: null }]);
    expect(ask('Log | summarize Last = max(Time)')).toEqual([{ Last: at(3) }]);
  });

  test('takes a part of a text, with quotes and backslashes as the language has them', () => {
    expect(ask('Log | project Part = extract("(?i)^(.)\\\\w*", 1, Who)').map(({ Part }) => Part)).toEqual([
      'a',
      'a',
      'B',
    ]);
    expect(ask(String.raw`Log | where Who == @"a\n" or Who == "\"" | project Who`)).toEqual([]);
  });

  test.each<[string, string, RegExp]>([
    ['a table that is not there', 'Other', /no such table/],
    ['a union of none that is there', 'union isfuzzy=true (Other), (Another)', /no such table/],
    ['a column that is not there', 'Log | where Nobody == 1', /Nobody/],
    ['a function that it does not know', 'Log | where ago(1) == 1', /ago/],
    ['an operator that it does not know', 'Log | render timechart', /render/],
    ['a sentence that does not end', 'Log | where (Who == "ann"', /the end/],
    ['a sign that is none', 'Log | where Who ~ "ann"', /Not understood/],
  ])('refuses %s by name, and never guesses', (_what, query, message) => {
    expect(() => ask(query)).toThrow(message);
  });
});
