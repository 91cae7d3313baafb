import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Endpoints, EndpointsFile } from '../../sandbox/run/endpoints';

let root = '';
const shared = () => join(root, 'endpoints.json');

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyturn-endpoints-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A run as it stands on disk, with the id of the process that made it. */
function runOf(name: string, pid = process.pid): EndpointsFile {
  const folder = join(root, 'runs', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'pid'), String(pid));
  return new EndpointsFile(root, folder);
}

const endpoints = (app: string) => ({ app }) as Endpoints;
const told = () => (JSON.parse(readFileSync(shared(), 'utf8')) as Endpoints).app;

describe('The addresses of a sandbox', () => {
  test('are in one file while it is up, and in none after', () => {
    const file = runOf('1');
    file.write(endpoints('http://one'));
    expect(told()).toBe('http://one');
    file.remove();
    file.remove();
    expect(existsSync(shared())).toBe(false);
    expect(existsSync(join(root, 'runs', '1', 'endpoints.json'))).toBe(false);
  });

  test('are those of the latest, whichever ends first', () => {
    const [one, two] = [runOf('1'), runOf('2')];
    one.write(endpoints('http://one'));
    two.write(endpoints('http://two'));
    one.remove();
    expect(told()).toBe('http://two');
    two.remove();
    expect(existsSync(shared())).toBe(false);
  });

  test('are those of an earlier one again, once the latest has ended', () => {
    const [one, two] = [runOf('1'), runOf('2')];
    one.write(endpoints('http://one'));
    two.write(endpoints('http://two'));
    two.remove();
    expect(told()).toBe('http://one');
  });

  test('are never those of one that was killed', () => {
    // Above every system's highest process id, so nobody can have it.
    const [killed, two] = [runOf('1', 2 ** 30), runOf('2')];
    killed.write(endpoints('http://killed'));
    two.write(endpoints('http://two'));
    two.remove();
    expect(existsSync(shared())).toBe(false);
  });

  test('are left alone by a run that never had any', () => {
    const [one, two] = [runOf('1'), runOf('2')];
    one.write(endpoints('http://one'));
    two.remove();
    expect(told()).toBe('http://one');
  });
});
