import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeApi } from '../../functions/triggers/describe-api';
import { allNext, expectAsItMust } from './played';
import { startSandbox } from './sandbox-run';

/** Outside the checkout: no package can be found from there, so that nothing may be missing from the folder. */
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-bundle-'));
  execFileSync(process.execPath, [resolve('tools/bundle.mjs'), folder], { stdio: ['ignore', 'inherit', 'inherit'] });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (file: string): string => readFileSync(join(folder, file), 'utf8');

describe('What npm run bundle makes', () => {
  test('rotates a key in the local cloud as the build does, with nothing beside it', async () => {
    const play = { scenario: 'near-expiry', phase: 'completed', stands: allNext };
    const run = startSandbox('--once', '--json', '--ports', 'auto', '--scenario', play.scenario, '--app', folder);
    expectAsItMust(play, { run, ...(await run.ended) });
  }, 240_000);

  test('has a host.json and a package.json whose main is there and needs no package', () => {
    expect(read('host.json')).toBe(readFileSync('host.json', 'utf8'));
    const manifest = JSON.parse(read('package.json')) as { main: string; dependencies?: object };
    expect(manifest).toMatchObject({ main: 'index.mjs', engines: { node: '>=22' } });
    expect(manifest.dependencies).toBeUndefined();
  });

  test.each([
    ['DefaultAzureCredential', 'credential'],
    ['EventGridPublisherClient', 'event-grid-alerts'],
    ['describeApi', 'describe-api'],
  ])('has %s in a file that is loaded on first use, and there alone', (name, file) => {
    const defines = new RegExp(`\\b${name} ?= ?class|class ${name}\\b|function ${name}\\(`);
    const files = globSync('*.mjs', { cwd: folder }).filter((one) => defines.test(read(one)));
    expect(files.map((one) => one.replace(/-\w{8}\.mjs$/, ''))).toEqual([file]);
  });

  test('has nothing in what is loaded at the start that is loaded on first use', () => {
    const atStart = new Set<string>();
    const load = (file: string): void => {
      if (atStart.has(file)) return;
      atStart.add(file);
      for (const [, name = ''] of read(file).matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.mjs)"/g)) load(name);
    };
    load('index.mjs');
    for (const name of ['DefaultAzureCredential', 'BlobServiceClient', 'EventGridPublisherClient', 'describeApi']) {
      const defines = new RegExp(`\\b${name} ?= ?class|class ${name}\\b|function ${name}\\(`);
      const files = globSync('*.mjs', { cwd: folder }).filter((one) => defines.test(read(one)));
      expect({ name, files: files.length, atStart: files.filter((file) => atStart.has(file)) }).toEqual({
        ...{ name, files: 1, atStart: [] },
      });
    }
  });

  test("has no language of zod's but English: `import { z }` anywhere would bring all of them", () => {
    const files = globSync('*.mjs', { cwd: folder });
    const speaks = (text: string) => files.filter((file) => read(file).includes(text)).length;
    expect({ english: speaks('Invalid input: expected'), german: speaks('ltige Eingabe') }).toEqual({
      english: 1,
      german: 0,
    });
  });

  test('describes the API as the build does', () => {
    const [file = ''] = globSync('describe-api-*.mjs', { cwd: folder });
    const script = `import(${JSON.stringify(pathToFileURL(join(folder, file)).href)})
      .then(({ describeApi }) => process.stdout.write(JSON.stringify(describeApi())));`;
    const described: unknown = JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
    expect(described).toEqual(JSON.parse(JSON.stringify(describeApi())));
  });
});
