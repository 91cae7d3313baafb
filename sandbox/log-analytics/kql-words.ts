/** A query that the service would refuse, or one that this stand-in does not understand: told, never guessed. */
export class QueryError extends Error {
  readonly code: 'SyntaxError' | 'SemanticError';

  constructor(code: 'SyntaxError' | 'SemanticError', message: string) {
    super(message);
    this.code = code;
  }
}

export type Word =
  | { readonly kind: 'name' | 'sign'; readonly text: string }
  | { readonly kind: 'literal'; readonly value: string | number | boolean | Date };

/** In the order in which they are tried. */
const forms: readonly (readonly [RegExp, (found: RegExpExecArray) => Word | null])[] = [
  [/\s+|\/\/[^\n]*/y, () => null],
  [/datetime\(([^)]*)\)/y, ([, text = '']) => ({ kind: 'literal', value: instant(text) })],
  [/@"([^"]*)"/y, ([, text = '']) => ({ kind: 'literal', value: text })],
  [/"((?:[^"\\\n]|\\.)*)"/y, ([, text = '']) => ({ kind: 'literal', value: text.replaceAll(/\\(.)/g, '$1') })],
  [/\d+(\.\d+)?/y, ([text]) => ({ kind: 'literal', value: Number(text) })],
  [/true\b|false\b/y, ([text]) => ({ kind: 'literal', value: text === 'true' })],
  [/[A-Za-z_]\w*/y, ([text]) => ({ kind: 'name', text })],
  [/==|!=|=~|>=|<=|[=<>|,.()[\]]/y, ([text]) => ({ kind: 'sign', text })],
];

function instant(text: string): Date {
  const time = new Date(text.trim());
  if (Number.isNaN(time.getTime())) throw new QueryError('SyntaxError', `datetime(${text}) is no instant.`);
  return time;
}

/** The words of a query in the Kusto language, as far as this stand-in knows it. @throws QueryError */
export function wordsOf(query: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  while (at < query.length) {
    const next = wordAt(query, at);
    if (next.word !== null) words.push(next.word);
    at = next.end;
  }
  return words;
}

function wordAt(query: string, at: number): { word: Word | null; end: number } {
  for (const [form, read] of forms) {
    form.lastIndex = at;
    const found = form.exec(query);
    if (found !== null) return { word: read(found), end: form.lastIndex };
  }
  throw new QueryError('SyntaxError', `Not understood: ${query.slice(at, at + 20)}`);
}
