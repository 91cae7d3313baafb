import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runFolder, startSandbox } from './sandbox-run';

const folder = mkdtempSync(join(tmpdir(), 'keyturn-leaking-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('An app that logs its connection string and identity header is told of by name at the end of the run, which ends with 1', async () => {
  // Keyturn itself, after a line that does what nobody may.
  const leak = 'console.log(process.env.AzureWebJobsStorage, process.env.IDENTITY_HEADER);';
  writeFileSync(
    join(folder, 'leaking.js'),
    `${leak}\nrequire(${JSON.stringify(resolve('dist/functions/index.js'))});\n`,
  );
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ main: 'leak*.js' }));
  writeFileSync(join(folder, 'host.json'), JSON.stringify({ version: '2.0' }));
  const run = startSandbox('--once', '--ports', 'auto', '--scenario', 'nothing-to-do', '--app', folder);
  const { code, stdout } = await run.ended;
  expect(stdout).toContain('nothing-to-do ended as it must');
  expect(stdout).toMatch(/Secrets: \d+ looked for in \d+ forms in .*: 3 FOUND/);
  expect(stdout).toContain('the storage account key is in file logs/app.log, as raw bytes');
  expect(stdout).toContain('the identity header is in file logs/app.log, as raw bytes');
  expect(code).toBe(1);
  expect(runFolder(run)).toBeDefined();
}, 120_000);
