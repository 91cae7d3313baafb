import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { everyGuard } from '../mutants/every-guard';
import { invariants, mutated, occurrences } from '../mutants/mutant';

const sourceOf = (file: string): string => readFileSync(join(process.cwd(), file), 'utf8');

describe('the list of guards that `npm run test:mutants` takes out in turn', () => {
  test('finds every guard exactly once in its source', () => {
    const lost = everyGuard.filter((mutant) => occurrences(mutant, sourceOf(mutant.file)) !== 1);
    expect(lost.map(({ name, file, removed }) => `${name} ${file}: ${removed}`)).toEqual([]);
  });

  test('changes what the source does, and leaves it code', () => {
    const code = (text: string) => transformSync(text, { loader: 'ts', minifyWhitespace: true }).code;
    const idle = everyGuard.filter((mutant) => {
      const source = sourceOf(mutant.file);
      return code(mutated(mutant, source)) === code(source);
    });
    expect(idle.map(({ name, file }) => `${name} ${file}`)).toEqual([]);
  });

  test.each(invariants)('has at least two guards of %s', (invariant) => {
    expect(everyGuard.filter((mutant) => mutant.invariant === invariant).length).toBeGreaterThanOrEqual(2);
  });

  test('takes no guard out in the same way twice', () => {
    const places = everyGuard.map(({ invariant, file, find, replace }) => [invariant, file, find, replace].join('\n'));
    expect(new Set(places).size).toBe(places.length);
  });
});
