import { QueryError } from './kql-words';

/** A cell: what a table holds, and what an expression comes to. `dynamic` is any JSON. */
export type Cell = string | number | boolean | Date | null | { readonly [member: string]: unknown };
export type Row = ReadonlyMap<string, Cell>;

/** What an expression may see: the columns there are, and the row it is asked of. */
export interface Scope {
  readonly columns: ReadonlySet<string>;
  readonly row: Row;
}
export type Expression = (scope: Scope) => Cell;

export const text = (cell: Cell): string =>
  cell === null
    ? ''
    : cell instanceof Date
      ? cell.toISOString()
      : typeof cell === 'object'
        ? JSON.stringify(cell)
        : `${cell}`;

/** @throws QueryError for a column that is not there, as the service does */
export function column(name: string): Expression {
  return ({ columns, row }) => {
    if (!columns.has(name))
      throw new QueryError('SemanticError', `Failed to resolve scalar expression named '${name}'`);
    return row.get(name) ?? null;
  };
}

/** `Identity.claim.oid`: null where a step is missing. */
export function member(of: Expression, name: string): Expression {
  return (scope) => {
    const whole = of(scope);
    if (typeof whole !== 'object' || whole === null || whole instanceof Date) return null;
    return (whole[name] ?? null) as Cell;
  };
}

export function compare(sign: string, left: Expression, right: Expression): Expression {
  const order = (scope: Scope): [Cell, Cell] => [left(scope), right(scope)];
  const number = (cell: Cell): number => (cell instanceof Date ? cell.getTime() : Number(cell));
  switch (sign) {
    case '==':
      return (scope) => same(...order(scope));
    case '!=':
      return (scope) => !same(...order(scope));
    case '=~':
      return (scope) => text(left(scope)).toLowerCase() === text(right(scope)).toLowerCase();
    case '>=':
      return (scope) => number(left(scope)) >= number(right(scope));
    case '<':
      return (scope) => number(left(scope)) < number(right(scope));
    default:
      throw new QueryError('SyntaxError', `The sign '${sign}' is not known to this stand-in.`);
  }
}

const same = (one: Cell, other: Cell): boolean =>
  one instanceof Date && other instanceof Date ? one.getTime() === other.getTime() : one === other;

/** Kusto's expressions are RE2's; of their flags only a leading `(?i)` is known here. */
export function regex(pattern: string): RegExp {
  const bare = pattern.replace(/^\(\?i\)/, '');
  return new RegExp(bare, bare === pattern ? '' : 'i');
}

type Scalar = (args: readonly Expression[]) => Expression;
const on =
  (work: (...cells: Cell[]) => Cell): Scalar =>
  (args) =>
  (scope) =>
    work(...args.map((argument) => argument(scope)));

export const scalars: Readonly<Record<string, Scalar>> = {
  tostring: on((cell = null) => text(cell)),
  toint: on((cell = null) =>
    cell === null || Number.isNaN(Number(text(cell))) ? null : Math.trunc(Number(text(cell))),
  ),
  tolower: on((cell = null) => text(cell).toLowerCase()),
  strcat: on((...cells) => cells.map(text).join('')),
  isempty: on((cell = null) => text(cell) === ''),
  isnotempty: on((cell = null) => text(cell) !== ''),
  extract: on((pattern = '', group = 0, cell = '') => regex(text(pattern)).exec(text(cell))?.[Number(group)] ?? ''),
  iff:
    ([condition, yes, no]) =>
    (scope) =>
      (condition?.(scope) === true ? yes?.(scope) : no?.(scope)) ?? null,
  column_ifexists:
    ([name, preset]) =>
    (scope) => {
      const asked = text(name?.(scope) ?? '');
      return scope.columns.has(asked) ? (scope.row.get(asked) ?? null) : (preset?.(scope) ?? null);
    },
};
