import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { freePorts } from '../../../sandbox/run/ports';
import { startArguments } from './release';

export interface RunningVault {
  readonly url: string;
  /** PEM: the certificate that it signed for itself. */
  readonly certificate: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** A Java virtual machine on a busy computer takes its time. */
const startMilliseconds = 120_000;
const betweenMilliseconds = 100;
const keptCharacters = 2000;

/**
 * Starts the jar on free ports and waits until it answers over TLS, its own certificate trusted and verified. Rejects, with the end of what it
 * said, when it ends before or does not answer in time; then nothing of it is left running.
 */
export async function startVault(
  java: string,
  jar: string,
  withinMilliseconds = startMilliseconds,
): Promise<RunningVault> {
  const [port = 0, tokenPort = 0] = await freePorts(2);
  const child = spawn(java, ['-jar', jar, ...startArguments(port, tokenPort)], { stdio: ['ignore', 'pipe', 'pipe'] });
  // Nothing of it outlives the tests, however they end.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-keptCharacters);
    });
  }
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started (${error.message})`));
    child.once('close', (code, signal) => resolve(`ended with ${code ?? signal}`));
  });
  const stop = async () => {
    process.off('exit', kill);
    kill();
    await ended;
  };
  const hurry = new AbortController();
  try {
    const certificate = await Promise.race([
      answering(port, hurry.signal),
      ended.then((how) => Promise.reject(new Error(`It ${how} before it answered.`))),
      late(withinMilliseconds, hurry.signal),
    ]);
    return { url: `https://localhost:${port}`, certificate, pid: pidOf(child), stop };
  } catch (error) {
    await stop();
    throw new Error(`${jar} did not start: ${(error as Error).message} It said last: ${said.trim() || 'nothing'}`);
  } finally {
    hurry.abort();
  }
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('It has no process.');
  return pid;
}

async function late(milliseconds: number, signal: AbortSignal): Promise<never> {
  await delay(milliseconds, undefined, { signal }).catch(() => undefined);
  throw new Error(`It did not answer within ${milliseconds} ms.`);
}

/** Asks until there is an answer. @returns the certificate with which that answer was verified */
async function answering(port: number, signal: AbortSignal): Promise<string> {
  let last: unknown;
  while (!signal.aborted) {
    try {
      const certificate = await shownCertificate(port);
      await askOnce(port, certificate);
      return certificate;
    } catch (error) {
      last = error;
    }
    await delay(betweenMilliseconds, undefined, { signal }).catch(() => undefined);
  }
  throw last;
}

/** What the server shows, and nothing is sent to it: the one connection of which nothing is verified goes to our own child on loopback. */
async function shownCertificate(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect');
    const shown = socket.getPeerX509Certificate();
    if (shown === undefined) throw new Error('It shows no certificate.');
    return shown.toString();
  } finally {
    socket.destroy();
  }
}

function askOnce(port: number, ca: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = get({ host: 'localhost', port, path: '/ping', ca, agent: false }, (answer) => {
      answer.resume();
      const status = answer.statusCode ?? 0;
      if (status < 500) resolve();
      else reject(new Error(`It answered ${status}.`));
    });
    asked.once('error', reject);
  });
}
