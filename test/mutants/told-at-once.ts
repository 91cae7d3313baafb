import { appendFileSync } from 'node:fs';

/** A test that failed: its title with that of the suites around it, and what it said. */
export interface FailedTest {
  readonly file: string;
  readonly title: string;
  readonly said: string;
}

export interface FileResult {
  readonly passed: number;
  readonly failed: readonly FailedTest[];
}

/** Jest's own, as far as it is used. */
interface TestFileResult {
  readonly testFilePath: string;
  readonly numPassingTests: number;
  readonly failureMessage?: string | null;
  readonly testResults: readonly {
    readonly status: string;
    readonly fullName: string;
    readonly failureMessages: readonly string[];
  }[];
}

/** For Jest: writes what became of each test file as one line, right away. Jest's own report is not written when it ends at the first failure. */
export default class ToldAtOnce {
  readonly #to: string;

  constructor(_globalConfig: unknown, { to }: { readonly to: string }) {
    this.#to = to;
  }

  onTestFileResult(_test: unknown, result: TestFileResult): void {
    appendFileSync(this.#to, `${JSON.stringify(resultOf(result))}\n`);
  }
}

function resultOf({ testFilePath, numPassingTests, failureMessage, testResults }: TestFileResult): FileResult {
  const failed = testResults
    .filter(({ status }) => status === 'failed')
    .map(({ fullName, failureMessages }) => ({
      file: testFilePath,
      title: fullName,
      said: failureMessages.map(withoutStack).join('\n'),
    }));
  // A file that could not even be loaded has no test that failed.
  const whole = failed.length === 0 && failureMessage ? [withoutStack(failureMessage)] : [];
  return {
    passed: numPassingTests,
    failed: [...failed, ...whole.map((said) => ({ file: testFilePath, title: '', said }))],
  };
}

/** Places in the code may name an invariant by chance. */
const withoutStack = (message: string): string => message.split(/\n\s+at /)[0] ?? '';
