import { createServer } from 'node:net';
import { endpointsOf, leftBehind, runFolder, startSandbox } from './sandbox-run';

const LIMIT = 120_000;

describe('A sandbox that is stopped', () => {
  test.each([
    ['while its parts are starting', 'starting', 'SIGINT', 130],
    ['once everything is up', 'up        after', 'SIGTERM', 143],
    ['in the middle of a rotation', 'rewrapping', 'SIGTERM', 143],
  ] as const)(
    '%s leaves no process and no addresses behind',
    async (_, text, signal, exitCode) => {
      const run = startSandbox('--ports', 'auto');
      await run.printed(text);
      run.child.kill(signal);
      const { code } = await run.ended;
      expect({ code, output: code === exitCode ? '' : run.output() }).toEqual({ code: exitCode, output: '' });
      expect(leftBehind(run)).toEqual([]);
      expect(endpointsOf(run)).toBeUndefined();
    },
    LIMIT,
  );

  test(
    'by kill -9 takes everything it started along',
    async () => {
      const run = startSandbox('--ports', 'auto');
      await run.printed('rewrapping');
      expect(leftBehind(run).length).toBeGreaterThanOrEqual(3);
      run.child.kill('SIGKILL');
      await run.ended;
      const until = Date.now() + 10_000;
      while (leftBehind(run).length > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(leftBehind(run)).toEqual([]);
    },
    LIMIT,
  );

  test(
    'after its scenario ends with the exit code of the scenario, and stayed up until then',
    async () => {
      const run = startSandbox('--ports', 'auto', '--scenario', 'nothing-to-do');
      await run.printed('Ctrl-C stops it');
      const endpoints = endpointsOf(run) ?? {};
      expect(Object.keys(endpoints).sort()).toEqual(
        [
          'app',
          'arm',
          'blob',
          'ca',
          'dataKeysTable',
          'dps',
          'eventGrid',
          'hubs',
          'storage',
          'table',
          'token',
          'vaults',
        ].sort(),
      );
      const health = await fetch(`${endpoints['app']}/api/health`);
      expect(health.status).toBe(200);
      run.child.kill('SIGINT');
      expect((await run.ended).code).toBe(0);
      expect(leftBehind(run)).toEqual([]);
    },
    LIMIT,
  );
});

describe('A sandbox whose port is taken', () => {
  test('says which one and what to do, starts nothing, and ends with 1', async () => {
    const other = createServer();
    const taken = await new Promise<boolean>((resolve) => {
      other.once('error', () => resolve(false));
      other.listen(7071, '127.0.0.1', () => resolve(true));
    });
    try {
      const run = startSandbox('--once');
      const { code, stderr } = await run.ended;
      expect(code).toBe(1);
      expect(stderr).toMatch(/port 7071 \(the app\).*--ports auto/);
      expect(runFolder(run)).toBeUndefined();
    } finally {
      if (taken) other.close();
    }
  });
});
