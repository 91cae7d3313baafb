import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { endpointsOf, leftBehind, type SandboxRun, startSandbox } from './sandbox-run';

const LIMIT = 240_000;
const run = promisify(execFile);

/** Pasted into a shell as it stands, except that a status of 400 or more counts as a failure. */
async function paste(command: string): Promise<string> {
  const strict = 'curl() { command curl --fail-with-body "$@"; }';
  return (await run('bash', ['-c', `${strict}; ${command}`])).stdout;
}

/** The commands of the summary by their titles. */
function commandsOf(sandbox: SandboxRun): ReadonlyMap<string, string> {
  const lines = sandbox.output().split('\n');
  const found = lines.map((line) => /^ {2}(\S.*?) {2,}(curl .*)$/.exec(line)).filter((match) => match !== null);
  return new Map(found.map(([, title = '', command = '']) => [title, command]));
}

/** Waits until the newest rotation has come so far that the next command makes sense. */
async function ready(app: unknown, isReady: (rotation: { phase: string; waitingFor: string | null }) => boolean) {
  for (;;) {
    const response = await fetch(`${app}/api/rotations?limit=1`);
    const { items } = (await response.json()) as { items: { phase: string; waitingFor: string | null }[] };
    const [newest] = items;
    if (newest !== undefined && isReady(newest)) return;
    await delay(100);
  }
}

const over = ({ phase }: { phase: string }) => ['completed', 'rolled-back', 'cancelled'].includes(phase);
const waits = ({ waitingFor }: { waitingFor: string | null }) => waitingFor === 'approval';

let started: SandboxRun | undefined;
// A test that fails on its way must not leave a whole cloud behind.
afterEach(() => started?.child.kill('SIGKILL'));

describe('The playground that stays up after a scenario', () => {
  test(
    'prints commands that work as they stand, one after the other',
    async () => {
      const sandbox = startSandbox('--ports', 'auto', '--scenario', 'approval-refused');
      started = sandbox;
      await sandbox.printed('Ctrl-C stops it');
      const commands = commandsOf(sandbox);
      const titles = [...commands.keys()];
      for (const wanted of ['rotate again', 'approve it', 'once completed, back', 'the hub is away', '10 days pass']) {
        expect(titles).toContain(wanted);
      }
      const { app } = endpointsOf(sandbox) ?? {};
      const answers = new Map<string, string>();
      // After ten days the back-off is over: the sweep begins a rotation of its own, which waits for its approval.
      let tenDaysLater = false;
      for (const [title, command] of commands) {
        if (!tenDaysLater) await ready(app, title === 'approve it' ? waits : over);
        tenDaysLater ||= title === '10 days pass';
        answers.set(title, await paste(command));
        // Accepted is not begun: until the new instance says so, the rotation reads as completed.
        if (title === 'once completed, back') await ready(app, ({ phase }) => phase === 'rolled-back');
      }
      expect(answers.get('see a plan')).toContain('"decision":"go"');
      expect(answers.get('an old twin')).toContain('"deviceId":"device-0001"');
      if (!tenDaysLater) await ready(app, over);
      const history = JSON.parse((await paste(`curl -s '${app}/api/rotations?limit=5'`)) || '{}') as {
        items: { phase: string }[];
      };
      // What the sweep begins when ten days have passed, and its back-off with them, is no command's.
      expect(history.items.slice(-2).map(({ phase }) => phase)).toEqual(['rolled-back', 'cancelled']);
      sandbox.child.kill('SIGINT');
      expect((await sandbox.ended).code).toBe(0);
      expect(leftBehind(sandbox)).toEqual([]);
    },
    LIMIT,
  );
});
