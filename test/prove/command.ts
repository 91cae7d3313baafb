import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One of the project's own commands, as `npm run` takes it. */
export interface Command {
  /** `test:crash` */
  readonly name: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly code: number | null;
  /** The last line that was one JSON object, or what it wrote to the file that it was told; null if there was none. */
  readonly json: unknown;
  /** The end of what it said. */
  readonly said: string;
}

const keptCharacters = 4000;

/**
 * Runs a command to its end and reads the one JSON object that it prints last. What it says meanwhile goes on to stderr: a proof takes
 * hours, and somebody may be watching.
 */
export async function ran({ name, args, environment = {} }: Command): Promise<Answer> {
  let json: unknown = null;
  let line = '';
  let said = '';
  const code = await play(name, args, environment, (chunk, isStdout) => {
    said = `${said}${chunk}`.slice(-keptCharacters);
    process.stderr.write(chunk);
    if (!isStdout) return;
    const lines = `${line}${chunk}`.split('\n');
    line = lines.pop() ?? '';
    for (const each of lines) json = parsed(each) ?? json;
  });
  return { code, json: parsed(line) ?? json, said };
}

/** Like `ran`, for what Jest runs: its report goes to a file, because its tests may print what they like. */
export async function tested(command: Command): Promise<Answer> {
  const folder = mkdtempSync(join(tmpdir(), 'keyturn-prove-'));
  const report = join(folder, 'report.json');
  try {
    const answer = await ran({ ...command, args: [...command.args, '--ci', '--json', '--outputFile', report] });
    return { ...answer, json: existsSync(report) ? (parsed(readFileSync(report, 'utf8')) ?? null) : null };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function play(
  name: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  hear: (chunk: string, isStdout: boolean) => void,
): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join('tools', 'run.mjs'), name, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // biome-ignore lint/style/noProcessEnv: what is set for this command is set for those that it runs
      env: { ...process.env, ...environment },
    });
    const pass = (signal: NodeJS.Signals) => child.kill(signal);
    process.once('SIGTERM', pass);
    child.stdout.on('data', (chunk: Buffer) => hear(chunk.toString(), true));
    child.stderr.on('data', (chunk: Buffer) => hear(chunk.toString(), false));
    child.once('error', reject);
    child.once('close', (code) => {
      process.off('SIGTERM', pass);
      resolve(code);
    });
  });
}

function parsed(text: string): unknown {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
