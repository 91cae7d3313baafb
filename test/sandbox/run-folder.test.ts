import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createRunFolder } from '../../sandbox/run/run-folder';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyturn-runs-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A run of a process that is gone. */
function ended(name: string, at: string): void {
  const folder = join(root, 'runs', name);
  mkdirSync(folder, { recursive: true });
  utimesSync(folder, new Date(at), new Date(at));
}

test('of the runs that are over those stay that ended last, however long ago they began', () => {
  ended('20261122T100000Z-1', '2026-11-22T12:00:00Z');
  ended('20261122T110000Z-2', '2026-11-22T11:00:01Z');
  ended('20261122T110001Z-3', '2026-11-22T11:00:02Z');
  ended('20261122T110002Z-4', '2026-11-22T11:00:03Z');
  const own = basename(createRunFolder(root, new Date('2026-11-22T12:00:01Z')));
  expect(readdirSync(join(root, 'runs')).sort()).toEqual([
    '20261122T100000Z-1',
    '20261122T110001Z-3',
    '20261122T110002Z-4',
    own,
  ]);
});
