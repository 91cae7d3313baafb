import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { CloudSeed } from './seed';
import { startCloud } from './start';

/**
 * The local cloud as a process: `main.js --state <directory> --seed <file> [--ports auto|fixed]`. Prints one JSON line with all
 * addresses when everything listens; ends on SIGTERM and SIGINT. Exit code 1 and one line on stderr when it cannot start.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { state: { type: 'string' }, seed: { type: 'string' }, ports: { type: 'string', default: 'fixed' } },
  });
  const { state, seed, ports } = values;
  if (state === undefined || seed === undefined || (ports !== 'auto' && ports !== 'fixed')) {
    throw new Error('usage: main.js --state <directory> --seed <file> [--ports auto|fixed]');
  }
  const cloud = await startCloud(JSON.parse(readFileSync(seed, 'utf8')) as CloudSeed, state, ports);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    cloud.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // What is printed ends in a log; the header is on this cloud's own disk, and the key is for those who start it in their own process.
  const { identityHeader: _header, alertTopicKey: _key, ...printed } = cloud.addresses;
  console.log(JSON.stringify(printed));
}

main().catch((error: NodeJS.ErrnoException & { port?: number }) => {
  const busy = error.code === 'EADDRINUSE';
  console.error(busy ? `Port ${error.port} is in use; stop what uses it, or start with --ports auto.` : error.message);
  process.exit(1);
});
