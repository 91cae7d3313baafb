import { stripVTControlCharacters } from 'node:util';

/** A question that another vault answers differently from what Azure's documents say, and the tests that ask it. */
export interface Difference {
  readonly asked: string;
  readonly answered: string;
  /** Why Azure's documents decide against it. */
  readonly azure: string;
  /** By its name in the contract, before anything is put into it; `says`: what the failure must say to be this one and no other. */
  readonly tests: readonly { readonly name: string; readonly says: RegExp }[];
}

type Body = (...given: never[]) => unknown;

export interface KnowingTest {
  readonly test: jest.It;
  /** The names of listed tests that a contract has asked for. */
  readonly met: ReadonlySet<string>;
}

/**
 * A `test` that lets a listed test fail in the listed way, and tells of it; in any other way it fails as ever. One that is listed and passes is told of
 * too, because an emulator that has become better is no mistake of ours.
 */
export function knowing(
  differences: readonly Difference[],
  tell: (line: string) => void,
  plain: jest.It = globalThis.test,
): KnowingTest {
  const met = new Set<string>();
  const judged = (name: string, body: Body): Body => {
    const difference = differences.find(({ tests }) => tests.some((test) => test.name === name));
    const says = difference?.tests.find((test) => test.name === name)?.says;
    if (difference === undefined || says === undefined) return body;
    met.add(name);
    return async (...given) => {
      try {
        await body(...given);
      } catch (error) {
        if (!says.test(textOf(error))) throw error;
        tell(`known to differ: "${name}": ${difference.asked}: ${difference.answered}`);
        return;
      }
      tell(`does not differ, and may be taken off the list: "${name}"`);
    };
  };
  const ask = (name: string, body: Body, milliseconds?: number) =>
    plain(name, judged(name, body) as jest.ProvidesCallback, milliseconds);
  const each = (cases: readonly unknown[]) => (name: string, body: Body, milliseconds?: number) =>
    plain.each(cases)(name, judged(name, body) as (...given: unknown[]) => unknown, milliseconds);
  return { test: Object.assign(ask, { each }) as unknown as jest.It, met };
}

/** Status, code and message of whatever was thrown, without colours. */
function textOf(error: unknown): string {
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message?: string };
  return stripVTControlCharacters(`${statusCode ?? ''} ${code ?? ''} ${message ?? error}`);
}
