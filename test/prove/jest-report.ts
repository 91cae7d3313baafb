import { z } from 'zod';
import type { Counted } from './figures';

/** Of Jest's `--json`, what is looked at. */
const report = z.object({
  numPassedTests: z.number(),
  numPendingTests: z.number(),
  testResults: z.array(
    z.object({
      status: z.string(),
      message: z.string(),
      assertionResults: z.array(
        z.object({ status: z.string(), fullName: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
});

/** How many tests passed, and one sentence for each that did not. */
export function countedByJest(json: unknown): Counted {
  const { numPassedTests, numPendingTests, testResults } = report.parse(json);
  const problems = testResults.flatMap(({ status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0) return status === 'failed' ? [firstLines(message)] : [];
    return failed.map(({ fullName, failureMessages }) => `${fullName}: ${firstLines(failureMessages?.[0] ?? '')}`);
  });
  const skipped = numPendingTests === 0 ? {} : { reached: `${numPendingTests} skipped` };
  return { tests: numPassedTests, ...skipped, problems };
}

const firstLines = (text: string): string => (text.split(/\n\s+at /)[0] ?? '').slice(0, 2000);
