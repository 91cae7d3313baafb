import { readFileSync, writeFileSync } from 'node:fs';
import { env } from 'node:process';
import { directPackages, licenceOf, productionPackages } from './lock-file';

const file = 'docs/dependencies.md';
const generated = '<!-- Written by test/structure/dependencies.test.ts -->\n';

/** The rows of the tables of a text, each as its cells. */
const rowsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );

const [byHand = '', after] = readFileSync(file, 'utf8').split(generated);

const table = (): string =>
  [
    '',
    '| Package | Version | Licence | Needed by |',
    '| --- | --- | --- | --- |',
    ...productionPackages().map(
      ({ name, version, licence, neededBy }) => `| \`${name}\` | ${version} | ${licence} | ${neededBy.join(', ')} |`,
    ),
    '',
  ].join('\n');

// biome-ignore lint/style/noProcessEnv: a person asks for the list to be written anew, and the app's configuration must not know it
if (env['KEYTURN_TEST_WRITE'] === 'dependencies') writeFileSync(file, `${byHand}${generated}${table()}`);

describe(`${file} tells of every dependency`, () => {
  test('each that package.json names, in its exact version and with its licence, and none besides', () => {
    const told = rowsOf(byHand).map(([name, version, licence]) => ({ name, version, licence }));
    const named = [...directPackages()].map(([name, version]) => ({
      ...{ name, version },
      licence: licenceOf(name) ?? 'not said',
    }));
    const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }) =>
      (a.name ?? '') < (b.name ?? '') ? -1 : 1;
    expect(told.sort(byName)).toEqual(named.sort(byName));
  });

  test('with why it is there, and what it would cost to leave it out', () => {
    for (const [name, , , why = '', without = ''] of rowsOf(byHand)) {
      expect({ name, why: why.length > 20, without: without.length > 20 }).toEqual({ name, why: true, without: true });
    }
  });

  test('every version is an exact one', () => {
    for (const [name, version] of directPackages()) expect(`${name}@${version}`).toMatch(/@\d+\.\d+\.\d+$/);
  });

  test('what the app is installed with is checked by npm as it comes, and runs nothing when it is installed', () => {
    for (const { name, checkedBy, runsAtInstall } of productionPackages()) {
      expect({ name, checkedBy, runsAtInstall }).toEqual({ name, checkedBy: 'sha512', runsAtInstall: false });
    }
  });

  test('the list of all that the app is installed with is that of the lock file: KEYTURN_TEST_WRITE=dependencies writes it anew', () => {
    expect(rowsOf(after ?? 'not there')).toEqual(rowsOf(table()));
  });
});
