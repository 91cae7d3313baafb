import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { transformSync } from 'esbuild';
import { type Mutant, mutated } from './mutant';

/** The built code once more, of which one file at a time is replaced: the code that others run stays as it is. */
export interface Copy {
  /** Its `test` folder, absolute. */
  readonly tests: string;
  /** Builds a source with the guard taken out and puts it in the place of the built one. */
  plant(mutant: Mutant): void;
  /** Builds a source as it is, by the same means: what fails with this fails for another reason than a guard. */
  rebuild(file: string): void;
  /** Puts the built file back. */
  restore(file: string): void;
}

/**
 * Links the whole of `dist`, file by file, to a folder of its own: always the same one, so that what the test runner keeps of a file by
 * its path is still good for the next mutant.
 */
export function copyOfDist(root: string, name: string): Copy {
  const from = join(root, 'dist');
  const to = join(root, '.mutants', name, 'dist');
  rmSync(to, { recursive: true, force: true });
  for (const file of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (file.startsWith('.') || statSync(join(from, file)).isDirectory()) continue;
    mkdirSync(dirname(join(to, file)), { recursive: true });
    linkSync(join(from, file), join(to, file));
  }
  const put = (file: string, source: string): void => {
    const place = join(to, file.replace(/\.ts$/, '.js'));
    // Never through the link: that would change the built file itself.
    rmSync(place);
    writeFileSync(place, built(file, source));
  };
  const sourceOf = (file: string): string => readFileSync(join(root, file), 'utf8');
  return {
    tests: join(to, 'test'),
    plant: (mutant) => put(mutant.file, mutated(mutant, sourceOf(mutant.file))),
    rebuild: (file) => put(file, sourceOf(file)),
    restore(file) {
      const place = file.replace(/\.ts$/, '.js');
      rmSync(join(to, place), { force: true });
      linkSync(join(from, place), join(to, place));
    },
  };
}

/** One source as the compiler of the project would leave it, but for its types, which nobody looks at any more. */
const built = (file: string, source: string): string =>
  transformSync(source, { loader: 'ts', format: 'cjs', target: 'es2023', sourcefile: file, sourcemap: 'inline' }).code;
