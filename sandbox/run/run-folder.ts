import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs that ended last, whose logs are kept for reading; older ones go at the next start. */
const KEPT_RUNS = 3;

/**
 * One folder for each start: `<root>/runs/<time>-<process id>/`, so that two sandboxes side by side never share a file.
 *
 * @param root `.sandbox` in the checkout
 */
export function createRunFolder(root: string, now: Date): string {
  const runs = join(root, 'runs');
  mkdirSync(runs, { recursive: true, mode: 0o700 });
  removeOldRuns(runs);
  const folder = join(runs, `${now.toISOString().replace(/[-:]|\.\d+/g, '')}-${process.pid}`);
  mkdirSync(join(folder, 'logs'), { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'pid'), String(process.pid));
  return folder;
}

function removeOldRuns(runs: string): void {
  // By when they ended, not when they began: a long run that has just ended is the one whose logs somebody wants to read.
  const finished = readdirSync(runs)
    .filter((name) => !isRunning(join(runs, name)))
    .map((name) => ({ name, ended: statSync(join(runs, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => a.ended - b.ended || (a.name < b.name ? -1 : 1));
  for (const { name } of finished.slice(0, -KEPT_RUNS)) rmSync(join(runs, name), { recursive: true, force: true });
}

/** Whether the process that made a run folder is still there. */
export function isRunning(folder: string): boolean {
  const file = join(folder, 'pid');
  if (!existsSync(file)) return false;
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return true;
  } catch {
    return false;
  }
}
