import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';

const GRACE_MILLISECONDS = 5_000;
const LAST_LINES = 15;

/** A child that ended although nobody asked it to; the message carries the end of its log. */
export class ChildCrashedError extends Error {
  override readonly name = 'ChildCrashedError';
  /** Null if a signal ended it. */
  readonly exitCode: number | null;

  constructor(message: string, exitCode: number | null) {
    super(message);
    this.exitCode = exitCode;
  }
}

export interface ChildOptions<T> {
  /** What it is called in messages. */
  name: string;
  script: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** File that gets everything it prints. */
  log: string;
  /** Looks at each line of its stdout; the first answer that is not undefined makes it ready. */
  readyFrom(line: string): T | undefined;
  readyWithinSeconds: number;
  /** It may end before it is ready: whoever starts it awaits that, and nobody else is told. */
  mayRefuse?: boolean;
}

interface Started {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  expected: boolean;
}

/** The processes of one sandbox: each on a log of its own, watched, and stopped together. */
export class Children {
  readonly #started = new Set<Started>();
  readonly #crashed: (error: ChildCrashedError) => void;
  #closed = false;

  /** @param crashed is told when a child ends that was not stopped from here */
  constructor(crashed: (error: ChildCrashedError) => void) {
    this.#crashed = crashed;
  }

  /**
   * Starts a script on this very Node and waits until it says it is ready.
   *
   * @throws ChildCrashedError if it ends instead; Error if it takes too long, or once everything is being stopped
   */
  async start<T>(options: ChildOptions<T>): Promise<{ stop(): Promise<void>; kill(): Promise<void>; ready: T }> {
    if (this.#closed) throw new Error(`${options.name} is not started any more: everything is being stopped`);
    const tail: string[] = [];
    let isReady = false;
    let settle: (value: T) => void = () => {};
    let fail: (error: Error) => void = () => {};
    const ready = new Promise<T>((resolve, reject) => {
      settle = resolve;
      fail = reject;
    });
    const started = this.#spawn(options, tail, (line) => {
      const value = options.readyFrom(line);
      if (value === undefined) return;
      isReady = true;
      settle(value);
    });
    void started.ended.then(() => {
      this.#started.delete(started);
      const error = crash(options, started.child, tail);
      const foreseen = options.mayRefuse === true && !isReady;
      fail(error);
      if (!started.expected && !foreseen) this.#crashed(error);
    });
    const late = () =>
      fail(new Error(`${options.name} was not ready within ${options.readyWithinSeconds} s; its log: ${options.log}`));
    const timer = setTimeout(late, options.readyWithinSeconds * 1000);
    try {
      return {
        ready: await ready,
        stop: () => stop(started, 'SIGTERM'),
        kill: () => stop(started, 'SIGKILL'),
      };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Stops the newest first, since each leans on those before it; nothing is started any more after this. */
  async stopAll(): Promise<void> {
    this.#closed = true;
    for (const started of [...this.#started].reverse()) await stop(started, 'SIGTERM');
  }

  /** For the last moment of this process, when nothing can be awaited any more. */
  killAll(): void {
    for (const started of this.#started) signal(started.child, 'SIGKILL');
  }

  #spawn<T>(options: ChildOptions<T>, tail: string[], line: (text: string) => void): Started {
    const leash = require.resolve('./leash');
    // A process group of its own: Ctrl-C in the terminal reaches the runner alone, which stops everything in order; and whatever
    // the child starts itself can be ended with it.
    const child = spawn(
      process.execPath,
      ['--enable-source-maps', '--require', leash, options.script, ...options.args],
      {
        env: options.env,
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        detached: process.platform !== 'win32',
      },
    );
    const log = openSync(options.log, 'a', 0o600);
    const write = (text: string) => {
      writeSync(log, `${text}\n`);
      tail.push(text);
      if (tail.length > LAST_LINES) tail.shift();
    };
    const ended = new Promise<void>((resolve) => {
      child.once('error', (error) => {
        write(error.message);
        if (child.pid === undefined) resolve();
      });
      child.once('close', () => resolve());
    }).then(() => closeSync(log));
    eachLine(child.stdout, (text) => {
      write(text);
      line(text);
    });
    eachLine(child.stderr, write);
    const started: Started = { name: options.name, child, ended, expected: false };
    this.#started.add(started);
    return started;
  }
}

function eachLine(stream: NodeJS.ReadableStream | null, take: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
  stream?.on('end', () => {
    if (rest !== '') take(rest);
  });
}

function crash<T>(options: ChildOptions<T>, child: ChildProcess, tail: readonly string[]): ChildCrashedError {
  const how = child.signalCode ? `by ${child.signalCode}` : `with exit code ${child.exitCode}`;
  const last = tail.map((line) => `    ${line}`).join('\n');
  const message = `${options.name} ended ${how}. The end of its log (${options.log}):\n${last}`;
  return new ChildCrashedError(message, child.exitCode);
}

/** Sends the signal, waits, and after five seconds ends it whether it likes or not; what it started itself goes with it. */
async function stop(started: Started, first: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  started.expected = true;
  const { child } = started;
  if (child.exitCode === null && child.signalCode === null) child.kill(first);
  const timer = setTimeout(() => signal(child, 'SIGKILL'), first === 'SIGKILL' ? 0 : GRACE_MILLISECONDS);
  // `exit`, not `close`: a grandchild may hold the pipes open for as long as it lives.
  await new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) resolve();
    else child.once('exit', () => resolve());
  });
  clearTimeout(timer);
  signal(child, 'SIGKILL');
  await started.ended;
}

/** To the child's whole group; that it is gone already is no error. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(name);
    else process.kill(-child.pid, name);
  } catch {
    // ESRCH: nobody left in the group.
  }
}
