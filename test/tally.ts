/** What we read of vitest's JSON report. */
export type VitestReport = {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests?: number;
  testResults: readonly { name: string; status: string; assertionResults: readonly { status: string }[] }[];
};

export type Tally = { passed: number; failed: number; skipped: number; remarks: readonly string[] };

/**
 * Counts tests. What fails outside a test (a file that cannot be loaded, a set-up, an unhandled error) counts as one
 * failed, so that the line can never look well when the run was not.
 */
export function tally(report: VitestReport | undefined, exitCode: number | null): Tally {
  if (report === undefined)
    return {
      passed: 0,
      failed: 1,
      skipped: 0,
      remarks: [`Vitest ended with ${exitCode ?? 'a signal'} before it had a report`],
    };
  const {
    numPassedTests: passed,
    numFailedTests: failedTests,
    numPendingTests: pending,
    numTodoTests = 0,
  } = report;
  const remarks: string[] = [];
  let failed = failedTests;
  for (const file of report.testResults) {
    const blamed = file.assertionResults.some(({ status }) => status === 'failed');
    if (file.status !== 'failed' || blamed) continue;
    failed += 1;
    remarks.push(`${file.name} failed outside its tests`);
  }
  if (failed === 0 && exitCode !== 0) {
    failed = 1;
    remarks.push(`No test failed, and yet vitest ended with ${exitCode ?? 'a signal'}: see its output above`);
  }
  if (passed + failed === 0) remarks.push('No test was run');
  return { passed, failed, skipped: pending + numTodoTests, remarks };
}

export const closingLine = ({ passed, failed, skipped }: Tally): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

export const exitCodeOf = ({ passed, failed }: Tally): 0 | 1 => (failed > 0 || passed === 0 ? 1 : 0);
