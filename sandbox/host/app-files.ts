import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The app cannot be loaded or needs what this host does not have; the message says everything there is to say. */
export class AppLoadError extends Error {}

/**
 * The files that `main` of the app's package.json names; it may be a glob.
 * @throws AppLoadError if there are none
 */
export function entryPoints(directory: string): string[] {
  const path = join(directory, 'package.json');
  if (!existsSync(path)) throw new AppLoadError(`There is no package.json in ${directory}.`);
  const main = (JSON.parse(readFileSync(path, 'utf8')) as { main?: string }).main;
  if (main === undefined) throw new AppLoadError(`${path} has no "main" that names the app's files.`);
  const files = globSync(main, { cwd: directory }).map((file) => join(directory, file));
  if (files.length === 0) {
    throw new AppLoadError(`"main" of ${path} is "${main}", and there is no such file. Is the app built?`);
  }
  return files.toSorted();
}

/** What HTTP routes begin with: `api`, unless host.json says otherwise. */
export function readRoutePrefix(directory: string): string {
  const path = join(directory, 'host.json');
  if (!existsSync(path)) return 'api';
  const host = JSON.parse(readFileSync(path, 'utf8')) as { extensions?: { http?: { routePrefix?: string } } };
  return host.extensions?.http?.routePrefix ?? 'api';
}
