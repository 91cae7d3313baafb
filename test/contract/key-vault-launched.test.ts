import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { KeyClient } from '@azure/keyvault-keys';
import { anyToken, clientOf } from './lowkey-vault/client';
import { lowkeyDifferences } from './lowkey-vault/differences';
import { findJar } from './lowkey-vault/jar';
import { startVault } from './lowkey-vault/process';
import { apiVersion, coordinates, jarIn } from './lowkey-vault/release';
import { describeStarted } from './lowkey-vault/under-test';

// Programs are started, and keys are really generated.
jest.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'keyturn-launched-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
/** A program of the shell, as `java` or `mvn` would be one. */
function program(...lines: readonly string[]): string {
  made += 1;
  const path = join(folder, `program-${made}`);
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(path, 0o755);
  return path;
}

const javaOf = (version: string) => program(`echo 'openjdk version "${version}" 2025-04-15' >&2`);
const java17 = javaOf('17.0.15');
const nowhere = join(folder, 'nowhere');
const emptyFolder = () => mkdtempSync(join(folder, 'cache-'));
/** Starts our own vault in place of Java and the jar. What it leaves lies in the folder of this test. */
const standIn = program(
  `export TMPDIR='${folder}'`,
  `exec '${process.execPath}' '${resolve('dist/test/contract/lowkey-vault/stand-in.js')}' "$@"`,
);

/** Whether a process is there; one that has ended and was waited for is not. */
function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('why there is no jar is said in one sentence', () => {
  const brings = program('echo jar > "$(dirname "$0")/brought"');
  const notFound = program(
    "printf '\\033[1;31m[ERROR]\\033[m Failed to execute goal org.apache:plugin:1:copy (default-cli) on project standalone-pom: Could not find artifact a:b:jar:1 in central -> [Help 1]\\n'",
    "echo '[ERROR] '; echo '[ERROR] To see the full stack trace'; exit 1",
  );
  const silent = program('exit 3');

  test.each([
    ['no Java', { java: nowhere, maven: brings }, 'there is no Java here.'],
    ['Java 11', { java: javaOf('11.0.2'), maven: brings }, 'Java 17 or later is needed, and here is 11.0.2.'],
    ['Java 8', { java: javaOf('1.8.0_402'), maven: brings }, 'Java 17 or later is needed, and here is 1.8.0_402.'],
    ['no version', { java: silent, maven: brings }, 'the Java that is here does not tell its version.'],
    ['no Maven', { java: java17, maven: nowhere }, 'there is no Maven here.'],
    [
      'a registry without it',
      { java: java17, maven: notFound },
      `Maven did not bring ${coordinates}: Could not find artifact a:b:jar:1 in central`,
    ],
    [
      'a Maven that says nothing',
      { java: java17, maven: silent },
      `Maven did not bring ${coordinates}: it ended with 3 and said nothing`,
    ],
  ] as const)('%s', (_, tools, missing) => {
    expect(findJar({ ...tools, folder: emptyFolder() })).toEqual({ missing });
  });

  test('a Maven that ends well and brings nothing', () => {
    expect(findJar({ java: java17, maven: brings, folder: emptyFolder() })).toMatchObject({
      missing: expect.stringContaining('Maven ended well, and'),
    });
  });

  test('a jar that was brought is kept, and Maven is not asked again', () => {
    const cache = emptyFolder();
    const asked = join(folder, 'asked');
    const maven = program(`echo "$@" >> '${asked}'`, `echo jar > '${jarIn(cache)}'`);
    const tools = { java: java17, maven, folder: cache };
    expect(findJar(tools)).toEqual({ jar: jarIn(cache) });
    expect(findJar(tools)).toEqual({ jar: jarIn(cache) });
    const [line, ...more] = readFileSync(asked, 'utf8').trim().split('\n');
    expect(line).toContain(`-Dartifact=${coordinates}:jar -DoutputDirectory=${cache}`);
    expect(more).toEqual([]);
  });
});

describe('a program that does not become a vault is a failure, never a reason to skip', () => {
  test('one that does not answer in time is ended', async () => {
    const pidFile = join(folder, 'pid');
    const hangs = program(`echo $$ > '${pidFile}'`, 'echo thinking', 'exec sleep 600');
    const started = startVault(hangs, 'some.jar', 1000);
    await expect(started).rejects.toThrow(/some\.jar did not start: It did not answer within 1000 ms\. .*thinking/);
    expect(lives(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
  });

  test.each([
    ['one that ends', program('echo "no main manifest attribute" >&2; exit 1'), /ended with 1 .*no main manifest/],
    ['one that is not there', nowhere, /could not be started .*ENOENT/],
  ])('%s says why', async (_, java, why) => {
    await expect(startVault(java, 'some.jar')).rejects.toThrow(why);
  });
});

describe('a vault that was started', () => {
  const said: string[] = [];
  const known = describeStarted('our own vault in the place of Lowkey Vault', standIn, 'no.jar', (line) =>
    said.push(line),
  );

  test('answers as Azure documents it wherever Lowkey Vault is listed as different, and each listed test is one of the contracts', () => {
    const listed = lowkeyDifferences.flatMap(({ tests }) => tests.map(({ name }) => name)).toSorted();
    expect([...known.met].toSorted()).toEqual(listed);
    expect(new Set(said)).toEqual(
      new Set(listed.map((name) => `does not differ, and may be taken off the list: "${name}"`)),
    );
  });

  test('is trusted by its own certificate, by its clients and by nobody else, and ends when it is stopped', async () => {
    const { url, certificate, pid, stop } = await startVault(standIn, 'no.jar');
    try {
      const client = (httpClient = clientOf(certificate)) =>
        new KeyClient(url, anyToken, { disableChallengeResourceVerification: true, httpClient });
      expect((await client().createKey('kek', 'RSA')).id).toContain(`${url}/keys/kek/`);
      const stranger = await startVault(standIn, 'no.jar');
      await stranger.stop();
      await expect(client(clientOf(stranger.certificate)).getKey('kek')).rejects.toThrow(/self-signed certificate/);
      const untold = new Promise((done) => get(url, done).once('error', done));
      expect(await untold).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    } finally {
      await stop();
    }
    expect(lives(pid)).toBe(false);
  });

  test('is asked in a version of the API that the release knows, whatever the SDK would ask in', async () => {
    const asked: string[] = [];
    const refusing = clientOf('PEM', {
      sendRequest: async (request) => {
        asked.push(`${request.url} ${JSON.stringify(request.tlsSettings)}`);
        throw new Error('enough');
      },
    });
    const options = {
      disableChallengeResourceVerification: true,
      httpClient: refusing,
      retryOptions: { maxRetries: 0 },
    };
    await expect(new KeyClient('https://localhost:1', anyToken, options).getKey('kek')).rejects.toThrow('enough');
    expect(asked).toEqual([`https://localhost:1/keys/kek/?api-version=${apiVersion} {"ca":"PEM"}`]);
  });
});

test('where something is missing, Jest skips and says so once', () => {
  const jest = resolve('node_modules/jest/bin/jest.js');
  const run = spawnSync(
    process.execPath,
    [jest, '--config', 'jest.config.json', '--ci', 'contract/key-vault-elsewhere'],
    {
      encoding: 'utf8',
      // biome-ignore lint/style/noProcessEnv: a child process inherits what it needs of it
      env: { ...process.env, PATH: emptyFolder(), KEYTURN_TEST_EMULATOR: 'fetch', KEYTURN_TEST_VAULT_URL: undefined },
    },
  );
  expect(run.stderr.match(/keyturn: Lowkey Vault is not asked: there is no Java here\./g)).toHaveLength(1);
  expect(run.stderr).toContain('1 skipped, 1 total');
  expect(run.status).toBe(0);
  expect(existsSync(nowhere)).toBe(false);
});
