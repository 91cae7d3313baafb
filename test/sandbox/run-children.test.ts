import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChildCrashedError, Children } from '../../sandbox/run/children';

const folder = mkdtempSync(join(tmpdir(), 'keyturn-children-'));
const crashes: ChildCrashedError[] = [];
const children = new Children((error) => crashes.push(error));

afterAll(async () => {
  await children.stopAll();
  rmSync(folder, { recursive: true });
});

let scripts = 0;
function start(code: string, mayRefuse = false) {
  scripts += 1;
  const script = join(folder, `${scripts}.js`);
  writeFileSync(script, code);
  return children.start({
    name: 'the child',
    script,
    args: [],
    env: {},
    log: join(folder, `${scripts}.log`),
    readyFrom: (line) => (line.startsWith('pid ') ? Number(line.slice(4)) : undefined),
    readyWithinSeconds: 20,
    mayRefuse,
  });
}

const ready = "console.log('pid ' + process.pid); setInterval(() => {}, 1000);";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  const until = Date.now() + 10_000;
  while (isAlive(pid)) {
    if (Date.now() > until) throw new Error(`process ${pid} is still there`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('A child process of the sandbox', () => {
  test('is ready when it says so, and its output is in its log', async () => {
    const child = await start(ready);
    expect(isAlive(child.ready)).toBe(true);
    expect(readFileSync(join(folder, `${scripts}.log`), 'utf8')).toContain(`pid ${child.ready}`);
    await child.stop();
    expect(isAlive(child.ready)).toBe(false);
    expect(crashes).toEqual([]);
  });

  test('that ends before it is ready is told with the end of its log', async () => {
    const started = start("console.error('the disk is full'); process.exit(4);");
    await expect(started).rejects.toThrow(/ended with exit code 4[\s\S]*the disk is full/);
    crashes.length = 0;
  });

  test('that may refuse to start is told of to whoever started it, with its exit code, and to nobody else', async () => {
    const refused = await start("console.error('a window never opens'); process.exit(4);", true).catch(
      (error) => error,
    );
    expect(refused).toMatchObject({ exitCode: 4, message: expect.stringContaining('a window never opens') });
    expect(crashes).toEqual([]);
    const child = await start(`${ready} setTimeout(() => process.exit(5), 30);`, true);
    await gone(child.ready);
    await new Promise((resolve) => setImmediate(resolve));
    await child.stop();
    expect(crashes).toMatchObject([{ exitCode: 5 }]);
    crashes.length = 0;
  });

  test('that ends by itself later is told once, to whoever watches', async () => {
    const child = await start(`${ready} setTimeout(() => { throw new Error('a bug') }, 30);`);
    await gone(child.ready);
    await new Promise((resolve) => setImmediate(resolve));
    await child.stop();
    expect(crashes.map(({ message }) => message)).toEqual([expect.stringContaining('a bug')]);
    crashes.length = 0;
  });

  test('takes what it started along when it is killed', async () => {
    const child = await start(
      `const { spawn } = require('node:child_process');
       const inner = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
       console.log('pid ' + inner.pid); setInterval(() => {}, 1000);`,
    );
    await child.kill();
    await gone(child.ready);
    expect(crashes).toEqual([]);
  });

  test('that does not listen to SIGTERM is killed after five seconds', async () => {
    const child = await start(`process.on('SIGTERM', () => {}); ${ready}`);
    const began = Date.now();
    await child.stop();
    expect(Date.now() - began).toBeGreaterThan(4_500);
    expect(isAlive(child.ready)).toBe(false);
  }, 15_000);

  test('goes when the process that started it is killed', async () => {
    const inner = join(folder, 'inner.js');
    writeFileSync(inner, ready);
    const options = JSON.stringify({
      name: 'inner',
      script: inner,
      args: [],
      env: {},
      log: join(folder, 'inner.log'),
      readyWithinSeconds: 20,
    });
    const runner = await start(
      `const { Children } = require(${JSON.stringify(join(process.cwd(), 'dist', 'sandbox', 'run', 'children.js'))});
       new Children(() => {}).start({ ...${options}, readyFrom: (line) => line }).then(({ ready }) => console.log(ready));
       setInterval(() => {}, 1000);`,
    );
    expect(isAlive(runner.ready)).toBe(true);
    // The runner's own group does not hold the inner child, so only the closed channel can end it.
    await runner.kill();
    await gone(runner.ready);
  });

  test('is not started once everything is being stopped', async () => {
    const closing = new Children(() => {});
    await closing.stopAll();
    const options = { name: 'late', script: 'none.js', args: [], env: {}, log: join(folder, 'late.log') };
    const late = closing.start({ ...options, readyWithinSeconds: 1, readyFrom: () => true });
    await expect(late).rejects.toThrow('being stopped');
  });
});
