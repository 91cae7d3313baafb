import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

/** One import, export-from, dynamic import or require of a source file. */
export interface Import {
  /** File that imports, from the root of the repository. */
  readonly file: string;
  /** A package, `node:<built-in>`, or a source file from the root of the repository without its extension. */
  readonly what: string;
  /** Whether it is erased by the compiler. */
  readonly typeOnly: boolean;
}

const statement =
  /^\s*(?:(import|export)\s+(type\s)?[^'";]*?from\s*|import\s*)'([^']+)'|\b(?:require|import)\(\s*'([^']+)'\s*\)/gm;

/** All TypeScript files under a folder, as paths from the root of the repository. */
export function sourcesUnder(folder: string): readonly string[] {
  return readdirSync(join(process.cwd(), folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => posix.join(folder, file.replaceAll('\\', '/')))
    .toSorted();
}

const read = (file: string): string => readFileSync(join(process.cwd(), file), 'utf8');

/** The code of a file without its comments, so that a word in a sentence is no use of it. */
export const codeOf = (file: string): string =>
  read(file)
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/(^|\s)\/\/.*$/gm, '$1');

export function importsIn(file: string, code = codeOf(file)): readonly Import[] {
  return [...code.matchAll(statement)].map(([, , type, from, required]) => {
    const written = from ?? required ?? '';
    const what = written.startsWith('.') ? posix.join(dirname(file), written) : written;
    return { file, what, typeOnly: type !== undefined };
  });
}

export const importsUnder = (folder: string): readonly Import[] =>
  sourcesUnder(folder).flatMap((file) => importsIn(file));

/** Whether a module is a path, or lies under it. */
export const isUnder = (what: string, path: string): boolean => what === path || what.startsWith(`${path}/`);
