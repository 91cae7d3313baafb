import { join, resolve } from 'node:path';

/**
 * Which Lowkey Vault: the last release for Java 17 that its own examples name (its app asks for Java 21 from 4.0 on, and later for 25).
 * Nobody here has run it: no registry that was at hand had its jar.
 */
const release = '3.4.23';
const artifact = 'lowkey-vault-app';

export const coordinates = `com.github.nagyesta.lowkey-vault:${artifact}:${release}`;
export const neededJava = 17;
/** The newest that this release knows; the SDK would ask in one that came later. */
export const apiVersion = '7.6';
/** Kept from run to run; nothing of it is committed. */
export const cacheFolder = resolve('node_modules', '.cache', 'lowkey-vault');

export const jarIn = (folder: string): string => join(folder, `${artifact}-${release}.jar`);

/** Asks Maven for the jar, its checksum verified, and for what was not there the last time anew. */
export const mavenArguments = (folder: string): readonly string[] => [
  ...['-B', '-q', '-U', '-C', 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy'],
  ...[`-Dartifact=${coordinates}:jar`, `-DoutputDirectory=${folder}`],
];

/** On two ports of 127.0.0.1; the vault `localhost` is always there. The second would be taken for tokens on 8080 if it were not given. */
export const startArguments = (port: number, tokenPort: number): readonly string[] => [
  ...['--server.address=127.0.0.1', `--server.port=${port}`, `--app.token.port=${tokenPort}`],
];
