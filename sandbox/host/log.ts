import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { format } from 'node:util';

/** One line of the host's log; `time` is the machine's, so that it can be laid beside other programs' logs. */
export interface LogEntry {
  readonly level: string;
  readonly message: string;
  readonly function?: string | undefined;
  readonly invocationId?: string | undefined;
  readonly instanceId?: string | undefined;
}

/** The host's log file, JSON lines; errors go to stderr as well, everything else stays off the console. */
export class HostLog {
  private readonly stream: WriteStream | undefined;

  /** @param path file to append to; without one only errors are shown */
  constructor(path?: string) {
    if (path === undefined) return;
    mkdirSync(dirname(path), { recursive: true });
    this.stream = createWriteStream(path, { flags: 'a' });
    this.stream.on('error', (error) =>
      process.stderr.write(`The host cannot write its log ${path}: ${error.message}\n`),
    );
  }

  write(entry: LogEntry): void {
    this.stream?.write(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`);
    if (entry.level === 'error' || entry.level === 'critical') {
      process.stderr.write(`[${entry.function ?? 'host'}] ${entry.message}\n`);
    }
  }

  info(message: string): void {
    this.write({ level: 'information', message });
  }

  /** Stdout carries one line of JSON for the parent process, so the app's console goes into the log. */
  captureConsole(): void {
    const levels = {
      log: 'information',
      info: 'information',
      debug: 'debug',
      warn: 'warning',
      error: 'error',
    } as const;
    for (const [method, level] of Object.entries(levels) as [keyof typeof levels, string][]) {
      console[method] = (...args: unknown[]) => this.write({ level, function: 'console', message: format(...args) });
    }
  }

  /** Flushes and closes the file. */
  async close(): Promise<void> {
    const stream = this.stream;
    if (stream === undefined) return;
    await new Promise<void>((resolve) => stream.end(() => resolve()));
  }
}
