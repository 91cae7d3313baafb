import { readFileSync } from 'node:fs';

/** A package of package-lock.json, as far as it is looked at here. */
interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export interface Package {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** Names of the packages that ask for it; `keyturn` is this repository. */
  readonly neededBy: readonly string[];
  /** Whether it runs a script of its own when it is installed. */
  readonly runsAtInstall: boolean;
  /** How npm checks what it has been sent. */
  readonly checkedBy: string;
}

/** Packages by where npm lays them: `node_modules/a/node_modules/b`. */
type Tree = Readonly<Record<string, Locked>>;

const read = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;
const lockedPackages = (): Tree => read<{ packages: Tree }>('package-lock.json').packages;
const nameOf = (place: string): string => place.replace(/^.*node_modules\//, '');

/** What package.json names, with the exact versions that it names. */
export function directPackages(): ReadonlyMap<string, string> {
  const { dependencies, devDependencies, optionalDependencies } = read<Locked>('package.json');
  return new Map(Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }));
}

/** A package's licence, as the lock file has it; null where it does not say. */
export function licenceOf(name: string): string | null {
  return lockedPackages()[`node_modules/${name}`]?.license ?? null;
}

/** Everything that is installed for the app itself, each version once, by name. */
export function productionPackages(): readonly Package[] {
  const tree = lockedPackages();
  const places = Object.entries(tree).filter(
    ([place, { dev, optional, devOptional }]) => place !== '' && !dev && !optional && !devOptional,
  );
  const found = new Map<string, Package>();
  for (const [place, { version = '', license = 'not said', hasInstallScript, integrity = '' }] of places) {
    const name = nameOf(place);
    const checks = { runsAtInstall: hasInstallScript === true, checkedBy: integrity.replace(/-.*/, '') };
    const neededBy = [...(found.get(`${name} ${version}`)?.neededBy ?? []), ...whoNeeds(place, tree)];
    found.set(`${name} ${version}`, {
      name,
      version,
      licence: license,
      neededBy: [...new Set(neededBy)].sort(),
      ...checks,
    });
  }
  return [...found.values()].sort((a, b) =>
    a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1,
  );
}

/** Who finds this very place when he looks for the package, as Node looks: from his own folder outwards. */
function whoNeeds(place: string, tree: Tree): string[] {
  const name = nameOf(place);
  return Object.entries(tree)
    .filter(([, { dev, optional, devOptional }]) => !dev && !optional && !devOptional)
    .filter(([from, { dependencies = {} }]) => name in dependencies && resolved(from, name, tree) === place)
    .map(([from]) => (from === '' ? 'keyturn' : nameOf(from)));
}

function resolved(from: string, name: string, tree: Tree): string | undefined {
  for (let folder = from; ; ) {
    const place = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (place in tree) return place;
    if (folder === '') return undefined;
    const outer = folder.lastIndexOf('/node_modules/');
    folder = outer < 0 ? '' : folder.slice(0, outer);
  }
}
