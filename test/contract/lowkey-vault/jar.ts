import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { cacheFolder, coordinates, jarIn, mavenArguments, neededJava } from './release';

/** What this machine is asked with, and where the jar is kept. */
export interface Tools {
  readonly java: string;
  readonly maven: string;
  readonly folder: string;
}

export const toolsHere: Tools = {
  java: 'java',
  maven: process.platform === 'win32' ? 'mvn.cmd' : 'mvn',
  folder: cacheFolder,
};

/** The jar, ready to be started, or one sentence that says what is missing. */
export type Found = { readonly jar: string } | { readonly missing: string };

/** Maven brings itself along first, on a machine where it never ran. */
const mavenMilliseconds = 180_000;

/** Looks for Java, and for the jar: where it was kept, else by Maven. Waits meanwhile, because Jest has to know before it collects tests. */
export function findJar({ java, maven, folder }: Tools): Found {
  const noJava = whyNoJava(java);
  if (noJava !== null) return { missing: noJava };
  const jar = jarIn(folder);
  if (existsSync(jar)) return { jar };
  mkdirSync(folder, { recursive: true });
  const { status, error, stdout, stderr } = spawnSync(maven, mavenArguments(folder), {
    encoding: 'utf8',
    timeout: mavenMilliseconds,
    shell: process.platform === 'win32',
  });
  if (isAbsent(error)) return { missing: 'there is no Maven here.' };
  if (status === 0) return existsSync(jar) ? { jar } : { missing: `Maven ended well, and ${jar} is not there.` };
  const said = firstLine(`${stdout}\n${stderr}`) ?? error?.message ?? `it ended with ${status} and said nothing`;
  return { missing: `Maven did not bring ${coordinates}: ${said}` };
}

function whyNoJava(java: string): string | null {
  const { error, stdout, stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' });
  if (isAbsent(error)) return 'there is no Java here.';
  const told = /version "((?:1\.)?(\d+)[^"]*)"/.exec(`${stderr}\n${stdout}`);
  if (told === null) return 'the Java that is here does not tell its version.';
  return Number(told[2]) < neededJava ? `Java ${neededJava} or later is needed, and here is ${told[1]}.` : null;
}

const isAbsent = (error: Error | undefined): boolean => (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';

/** What Maven says first of what went wrong; without its mark, and without the name of the goal that everybody knows. */
function firstLine(said: string): string | undefined {
  const lines = stripVTControlCharacters(said)
    .split('\n')
    .map((line) => line.trim());
  const line = lines.find((each) => /^\[ERROR\] \S/.test(each)) ?? lines.find((each) => each !== '');
  return line
    ?.replace(/^\[ERROR\] (?:Failed to execute goal \S+ \(\S+\) on project \S+: )?/, '')
    .replace(/ -> \[Help \d+\]$/, '')
    .slice(0, 500);
}
