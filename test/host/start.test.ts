import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Store } from '../../sandbox/host/engine/store';
import { HostProcess } from './host-process';

describe('starting and stopping the local host', () => {
  const hosts: HostProcess[] = [];
  const host = (...args: ConstructorParameters<typeof HostProcess>): HostProcess => {
    const made = new HostProcess(...args);
    hosts.push(made);
    return made;
  };
  const appFile = (text: string): HostProcess => {
    const made = host();
    const functions = JSON.stringify(resolve('node_modules/@azure/functions'));
    const durable = JSON.stringify(resolve('node_modules/durable-functions'));
    const preamble = `const { app } = require(${functions}); const df = require(${durable});`;
    writeFileSync(join(made.directory, 'app', 'index.js'), `${preamble}\n${text}`);
    return made;
  };
  afterEach(async () => {
    for (const made of hosts.splice(0)) await made.dispose();
  });

  test('a port in use ends it with code 3 and names the port and the way out', async () => {
    const first = await host().start();
    const second = host();
    await expect(second.start(['--port', String(first.port), '--rpc-port', '0'])).rejects.toThrow(/ended with 3/);
    expect(second.errors).toContain(`Port ${first.port} is in use`);
    expect(second.errors).toContain('--port');
  });

  test('an app that throws while it loads ends it with code 4 and all the text on stderr', async () => {
    const broken = appFile("throw new Error('KEY_VAULT_URL is missing.\\nROTATION_FILE is missing.');");
    await expect(broken.start()).rejects.toThrow(/ended with 4/);
    expect(broken.errors).toContain('KEY_VAULT_URL is missing.\nROTATION_FILE is missing.');
  });

  test.each([
    [
      'a trigger it has not',
      "app.storageQueue('q', { queueName: 'q', connection: 'c', handler: () => {} });",
      'q (queueTrigger)',
    ],
    ['an entity', "df.app.entity('counter', () => {});", 'counter (entityTrigger)'],
    [
      'HTTP streaming',
      "app.setup({ enableHttpStream: true }); app.http('h', { handler: () => ({}) });",
      'HTTP streaming',
    ],
    ['a schedule that cannot be read', "app.timer('t', { schedule: '99 * * * * *', handler: () => {} });", '"99"'],
    ['a route it does not understand', "app.http('h', { route: 'a/{x:regex(y)}', handler: () => ({}) });", 'regex'],
  ])('%s is refused by name with code 4', async (_, text, named) => {
    const refused = appFile(text);
    await expect(refused.start()).rejects.toThrow(/ended with 4/);
    expect(refused.errors).toContain(named);
  });

  test('bad flags end it with code 2 and a list of what is wrong', async () => {
    const wrong = host(['--activity-concurrency', 'many']);
    await expect(wrong.start()).rejects.toThrow(/ended with 2/);
    expect(wrong.errors).toContain('"activityConcurrency"');
  });

  test('killed, it can be started again on the same ports', async () => {
    const again = await host().start();
    const { port, rpcPort } = again;
    await again.kill();
    await again.start(['--port', String(port), '--rpc-port', String(rpcPort)]);
    expect(again.port).toBe(port);
  });

  test('the offset in the clock file is where the clock begins', async () => {
    const ahead = host();
    writeFileSync(join(ahead.directory, 'clock.json'), '{"offsetMilliseconds": 86400000}');
    await ahead.start();
    expect((await ahead.clock()).offsetMilliseconds).toBe(86_400_000);
  });

  test('SIGTERM lets an activity finish, ends with code 0, and its result is there afterwards', async () => {
    const stopping = await host().start();
    await stopping.startNew('fanOut', 'slow', { width: 1, milliseconds: 400 });
    await stopping.until('slow', (it) => it.history.some((event) => event['EventType'] === 4));
    while (stopping.journal().length === 0) await stopping.clock();
    expect(await stopping.kill('SIGTERM')).toBe(0);
    await stopping.start();
    expect((await stopping.done('slow')).output).toEqual(['0']);
    expect(stopping.journal()).toEqual(['start 0', 'end 0']);
  });

  test('a second host on the same state is refused rather than let in', async () => {
    const first = await host().start();
    expect(() => new Store(join(first.directory, 'state'))).toThrow(/is another host using it/);
  });
});
