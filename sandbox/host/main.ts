import { PortInUse, start } from './host';
import { parseSettings, usage } from './settings';

const exitCodes = { settings: 2, portInUse: 3, didNotStart: 4 } as const;

async function main(): Promise<void> {
  let settings: ReturnType<typeof parseSettings>;
  try {
    settings = parseSettings(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}\n`);
    process.exit(exitCodes.settings);
  }
  try {
    const host = await start(settings);
    const end = (): void => void host.stop().then(() => process.exit(0));
    process.once('SIGTERM', end);
    process.once('SIGINT', end);
    process.stdout.write(`${JSON.stringify({ ready: true, port: host.port, rpcPort: host.rpcPort })}\n`);
  } catch (error) {
    if (error instanceof PortInUse) {
      process.stderr.write(`${error.message}\n`);
      process.exit(exitCodes.portInUse);
    }
    process.stderr.write(`The host did not start:\n${describe(error)}\n`);
    process.exit(exitCodes.didNotStart);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

void main();
