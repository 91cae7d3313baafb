import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** `npm start -- <args>` as a process of its own, without npm. */
export interface SandboxRun {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  /** Resolves once it has printed the text, on either stream. */
  printed(text: string): Promise<void>;
  /** What it has printed so far. */
  output(): string;
}

const root = process.cwd();
const runs = join(root, '.sandbox', 'runs');

/** Folders of runs that are over. */
const folders = new WeakMap<ChildProcess, string | undefined>();

const folderOf = ({ pid }: ChildProcess): string | undefined =>
  existsSync(runs) ? readdirSync(runs).find((name) => name.endsWith(`-${pid}`)) : undefined;

export function startSandbox(...args: string[]): SandboxRun {
  const child = spawn(process.execPath, ['--enable-source-maps', join(root, 'dist', 'sandbox', 'start.js'), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    for (const listener of listeners) listener();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    for (const listener of listeners) listener();
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once('close', (code) => {
      // Looked at now: by the time of the checks other runs may have ended, and only the last few are kept.
      folders.set(child, folderOf(child));
      resolve({ code, stdout, stderr });
      for (const listener of listeners) listener();
    });
  });
  const printed = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (`${stdout}${stderr}`.includes(text)) resolve();
        else if (child.exitCode !== null) reject(new Error(`it ended without printing "${text}":\n${stdout}${stderr}`));
        else return;
        listeners.delete(look);
      };
      listeners.add(look);
      look();
    });
  return { child, ended, printed, output: () => `${stdout}${stderr}` };
}

/** Command lines of processes that belong to the run of this process id, found by the folder that each of them was given. */
export function leftBehind(run: SandboxRun): string[] {
  const folder = runFolder(run);
  if (folder === undefined) return [];
  const processes = execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' }).split('\n');
  return processes.filter((line) => line.includes(folder));
}

/** The folder a run made for itself; undefined if it made none. */
export function runFolder({ child }: SandboxRun): string | undefined {
  return folders.get(child) ?? folderOf(child);
}

/** `endpoints.json` of this run alone; undefined if there is none. */
export function endpointsOf(run: SandboxRun): Record<string, unknown> | undefined {
  const file = join(runs, runFolder(run) ?? 'none', 'endpoints.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>) : undefined;
}
