import { type Cell, column, compare, type Expression, member, type Row, regex, scalars, text } from './kql-expression';
import { QueryError, type Word, wordsOf } from './kql-words';

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** A table by its name; undefined for one that the workspace has not. */
export type Tables = (name: string) => Table | undefined;

type Stage = (table: Table) => Table;
type Source = (tables: Tables) => Table | undefined;

/**
 * Answers a query in the Kusto language, of which it knows what a reader of audit logs needs: `union isfuzzy`, `where`, `project`, `extend`,
 * `summarize` with `count` and `max`, and the functions of kql-expression.ts. Anything else is refused by name.
 * @throws QueryError
 */
export function answer(query: string, tables: Tables): Table {
  const reader = new Reader(wordsOf(query));
  const source = reader.tabular();
  reader.end();
  const found = source(tables);
  if (found === undefined) throw new QueryError('SemanticError', 'Failed to resolve table expression: no such table.');
  return found;
}

interface Assigned {
  readonly name: string;
  readonly expression: Expression;
}

interface Aggregate {
  readonly name: string;
  readonly of: (rows: readonly Row[], columns: ReadonlySet<string>) => Cell;
}

class Reader {
  readonly #words: readonly Word[];
  #at = 0;

  constructor(words: readonly Word[]) {
    this.#words = words;
  }

  end(): void {
    if (this.#at < this.#words.length) throw this.#unexpected();
  }

  tabular(): Source {
    const source = this.#is('union') ? this.#union() : this.#table();
    const stages: Stage[] = [];
    while (this.#is('|')) stages.push(this.#stage());
    return (tables) => {
      const table = source(tables);
      return table && stages.reduce((so, stage) => stage(so), table);
    };
  }

  #table(): Source {
    const name = this.#name();
    return (tables) => tables(name);
  }

  #union(): Source {
    this.#expect('isfuzzy');
    this.#expect('=');
    const fuzzy = this.#literal() === true;
    const parts = this.#list(() => this.#within(() => this.tabular()));
    return (tables) => {
      const found = parts.map((part) => part(tables));
      if (!fuzzy && found.includes(undefined)) return undefined;
      const there = found.filter((table) => table !== undefined);
      if (there.length === 0) return undefined;
      const columns = [...new Set(there.flatMap((table) => table.columns))];
      return { columns, rows: there.flatMap(({ rows }) => rows) };
    };
  }

  #stage(): Stage {
    const operator = this.#name();
    switch (operator) {
      case 'where': {
        const holds = this.#expression();
        return ({ columns, rows }) => {
          const seen = new Set(columns);
          return { columns, rows: rows.filter((row) => holds({ columns: seen, row }) === true) };
        };
      }
      case 'project':
      case 'extend': {
        const assigned = this.#list(() => this.#assigned());
        return (table) => assign(table, assigned, operator === 'extend');
      }
      case 'summarize':
        return this.#summarize();
      default:
        throw new QueryError('SyntaxError', `The operator '${operator}' is not known to this stand-in.`);
    }
  }

  #assigned(): Assigned {
    const name = this.#name();
    return { name, expression: this.#is('=') ? this.#expression() : column(name) };
  }

  #summarize(): Stage {
    const aggregates = this.#list(() => this.#aggregate());
    const by = this.#is('by') ? this.#list(() => this.#name()) : [];
    return ({ columns, rows }) => {
      const seen = new Set(columns);
      const groups = new Map<string, Row[]>(by.length === 0 ? [['[]', []]] : []);
      for (const row of rows) {
        const group = JSON.stringify(by.map((name) => text(column(name)({ columns: seen, row }))));
        groups.set(group, [...(groups.get(group) ?? []), row]);
      }
      const summed = [...groups.values()].map(
        (group) =>
          new Map([
            ...by.map((name): [string, Cell] => [name, group[0]?.get(name) ?? null]),
            ...aggregates.map(({ name, of }): [string, Cell] => [name, of(group, seen)]),
          ]),
      );
      return { columns: [...by, ...aggregates.map(({ name }) => name)], rows: summed };
    };
  }

  #aggregate(): Aggregate {
    const name = this.#name();
    this.#expect('=');
    const called = this.#name();
    if (called === 'count') return { name, of: this.#within(() => (rows) => rows.length) };
    if (called !== 'max')
      throw new QueryError('SyntaxError', `The aggregation '${called}' is not known to this stand-in.`);
    const expression = this.#within(() => this.#expression());
    const of: Aggregate['of'] = (rows, columns) =>
      rows.reduce<Cell>((most, row) => {
        const cell = expression({ columns, row });
        return most === null || (cell !== null && cell > most) ? cell : most;
      }, null);
    return { name, of };
  }

  #expression(): Expression {
    let left = this.#conjunction();
    while (this.#is('or')) {
      const [one, other] = [left, this.#conjunction()];
      left = (scope) => one(scope) === true || other(scope) === true;
    }
    return left;
  }

  #conjunction(): Expression {
    let left = this.#comparison();
    while (this.#is('and')) {
      const [one, other] = [left, this.#comparison()];
      left = (scope) => one(scope) === true && other(scope) === true;
    }
    return left;
  }

  #comparison(): Expression {
    const left = this.#value();
    if (this.#is('in')) {
      const list = this.#within(() => this.#list(() => this.#value()));
      return (scope) => list.some((each) => text(each(scope)) === text(left(scope)));
    }
    if (this.#is('matches')) {
      this.#expect('regex');
      const pattern = this.#value();
      return (scope) => regex(text(pattern(scope))).test(text(left(scope)));
    }
    for (const sign of ['==', '!=', '=~', '>=', '<']) if (this.#is(sign)) return compare(sign, left, this.#value());
    return left;
  }

  #value(): Expression {
    const word = this.#words[this.#at];
    if (word?.kind === 'literal') {
      this.#at += 1;
      return () => word.value;
    }
    if (this.#peek('(')) return this.#within(() => this.#expression());
    const name = this.#name();
    if (this.#peek('(')) return this.#call(name);
    let value = column(name);
    for (;;) {
      if (this.#is('.')) value = member(value, this.#name());
      else if (this.#is('[')) {
        value = member(value, text(this.#literal()));
        this.#expect(']');
      } else return value;
    }
  }

  #call(name: string): Expression {
    const args = this.#within(() => (this.#peek(')') ? [] : this.#list(() => this.#expression())));
    const scalar = scalars[name];
    if (scalar === undefined) throw new QueryError('SemanticError', `Unknown function: '${name}'.`);
    return scalar(args);
  }

  #within<T>(read: () => T): T {
    this.#expect('(');
    const found = read();
    this.#expect(')');
    return found;
  }

  #list<T>(read: () => T): T[] {
    const found = [read()];
    while (this.#is(',')) found.push(read());
    return found;
  }

  #literal(): Cell {
    const word = this.#words[this.#at++];
    if (word?.kind === 'literal') return word.value;
    throw this.#unexpected(-1);
  }

  #name(): string {
    const word = this.#words[this.#at++];
    if (word?.kind === 'name') return word.text;
    throw this.#unexpected(-1);
  }

  #peek(wanted: string): boolean {
    const word = this.#words[this.#at];
    return word !== undefined && word.kind !== 'literal' && word.text === wanted;
  }

  #is(wanted: string): boolean {
    if (!this.#peek(wanted)) return false;
    this.#at += 1;
    return true;
  }

  #expect(wanted: string): void {
    if (!this.#is(wanted)) throw this.#unexpected();
  }

  #unexpected(from = 0): QueryError {
    const word = this.#words[this.#at + from];
    const shown = word === undefined ? 'the end' : word.kind === 'literal' ? `"${text(word.value)}"` : `'${word.text}'`;
    return new QueryError('SyntaxError', `${shown} was not expected here by this stand-in.`);
  }
}

function assign({ columns, rows }: Table, assigned: readonly Assigned[], keeps: boolean): Table {
  const seen = new Set(columns);
  return {
    columns: [...new Set([...(keeps ? columns : []), ...assigned.map(({ name }) => name)])],
    rows: rows.map((row) => {
      const cells = assigned.map(({ name, expression }): [string, Cell] => [name, expression({ columns: seen, row })]);
      return new Map([...(keeps ? row : []), ...cells]);
    }),
  };
}
