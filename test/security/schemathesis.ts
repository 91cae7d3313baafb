import { spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** What drives the description of the API; its own dependencies are as new as they are when it is installed. */
const version = '4.32.5';
const folder = resolve('.sandbox', `schemathesis-${version}`);
const installed = join(folder, 'installed');
const bin = join(folder, process.platform === 'win32' ? 'Scripts' : 'bin');

/** Each of these is the app's own matter; keys, and methods that no route has, are the platform's. */
const checks = [
  ...['not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance'],
  ...['response_schema_conformance', 'negative_data_rejection', 'missing_required_header'],
];

/** Installs it into a folder of its own, once. @returns why it cannot be had, or null */
export function whyMissing(): string | null {
  if (existsSync(installed)) return null;
  const python = ['python3', 'python'].find((name) => spawnSync(name, ['-c', 'import venv, ensurepip']).status === 0);
  if (python === undefined) return 'there is no Python with venv and pip here';
  if (spawnSync(python, ['-m', 'venv', folder]).status !== 0) return 'no virtual environment could be made';
  const packages = ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${version}`];
  const { status, stderr } = spawnSync(join(bin, 'pip'), packages, { encoding: 'utf8' });
  if (status !== 0) return `schemathesis ${version} could not be installed: ${stderr.trim().split('\n').at(-1)}`;
  writeFileSync(installed, version);
  return null;
}

/** Drives every operation that the app describes. @returns the exit code and all that was said */
export function drive(app: string, seed: number, examples: number): Promise<{ code: number | null; said: string }> {
  const args = [
    ...['run', `${app}/api/openapi.json`, '--url', app, '--seed', String(seed), '--max-examples', String(examples)],
    ...[
      '--checks',
      checks.join(','),
      '--request-timeout',
      '30',
      '--continue-on-failure',
      '--no-color',
      '--warnings',
      'off',
    ],
    // Under what one caller is allowed, or all it would see is 429.
    ...['--rate-limit', '45/s'],
  ];
  // biome-ignore lint/style/noProcessEnv: a child process inherits what it needs of it
  const env = { ...process.env, SCHEMATHESIS_HOOKS: 'short_queries', PYTHONPATH: resolve('test/security') };
  const child = spawn(join(bin, 'st'), args, { cwd: folder, env: { ...env, PYTHONDONTWRITEBYTECODE: '1' } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done({ code, said }));
  });
}
