import { describe, expect, it } from 'vitest';
import { closingLine, exitCodeOf, tally, type VitestReport } from './tally.ts';

const report = (over: Partial<VitestReport> = {}): VitestReport => ({
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 0,
  testResults: [{ name: 'a.test.ts', status: 'passed', assertionResults: [{ status: 'passed' }] }],
  ...over,
});

describe('the closing line of a test run', () => {
  it('counts tests, and succeeds when all passed', () => {
    const counted = tally(report(), 0);
    expect(closingLine(counted)).toBe('3 passed, 0 failed');
    expect(exitCodeOf(counted)).toBe(0);
  });

  it('names skipped tests only when there are some', () => {
    expect(closingLine(tally(report({ numPendingTests: 2 }), 0))).toBe('3 passed, 0 failed, 2 skipped');
  });

  it('counts a file that cannot be loaded as failed', () => {
    const counted = tally(
      report({ testResults: [{ name: 'b.test.ts', status: 'failed', assertionResults: [] }] }),
      1,
    );
    expect(closingLine(counted)).toBe('3 passed, 1 failed');
    expect(counted.remarks).toEqual(['b.test.ts failed outside its tests']);
  });

  it('never looks well when vitest itself failed', () => {
    expect(exitCodeOf(tally(report(), 1))).toBe(1);
    expect(closingLine(tally(report(), 1))).toBe('3 passed, 1 failed');
    expect(closingLine(tally(undefined, null))).toBe('0 passed, 1 failed');
  });

  it('fails when no test was run', () => {
    const counted = tally(report({ numPassedTests: 0, testResults: [] }), 0);
    expect(exitCodeOf(counted)).toBe(1);
    expect(counted.remarks).toEqual(['No test was run']);
  });
});
