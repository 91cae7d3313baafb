import { endpointsOf, leftBehind, type SandboxRun, startSandbox } from '../e2e/sandbox-run';
import { extent, seed } from './junk';
import { drive, whyMissing } from './schemathesis';

const LIMIT = 3_000_000;
/** Cases of each operation in the phase that makes them up. */
const EXAMPLES = 20;

/** Installs a package, so it is not looked for where this is not played. */
const missing = extent === 'whole' ? whyMissing() : 'npm run test:security plays it';
const play = missing === null ? test : test.skip;

let started: SandboxRun | undefined;
afterEach(() => started?.child.kill('SIGKILL'));

play(
  `every operation of the API answers as it is described, whatever schemathesis sends${missing === null ? '' : ` (${missing})`}`,
  async () => {
    const sandbox = startSandbox('--ports', 'auto', '--scenario', 'nothing-to-do');
    started = sandbox;
    await sandbox.printed('Ctrl-C stops it');
    const { app } = endpointsOf(sandbox) ?? {};
    const { code, said } = await drive(String(app), seed, EXAMPLES);
    process.stderr.write(`${said.slice(said.indexOf('= SUMMARY ='))}\n`);
    expect({ code, said: code === 0 ? '' : said }).toEqual({ code: 0, said: '' });
    expect(said).toMatch(/Selected: (\d+)\/\1\n\s+Tested: \1\n/);
    sandbox.child.kill('SIGINT');
    // Ends with 1 if any key material has got into an answer, a log, a table or the history meanwhile.
    expect(await sandbox.ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/Secrets: .*: none found/) });
    expect(leftBehind(sandbox)).toEqual([]);
  },
  LIMIT,
);
