import { describe, expect, it } from 'vitest';
import { bounded, Findings, itemCount } from './gc-report.ts';

describe('a report of what was swept', () => {
  it('counts all, and names so many that it can be read and kept', () => {
    const findings = new Findings();
    for (let index = 0; index < 6_000; index += 1) {
      findings.add({ kind: 'volume', name: `v${index}`, why: 'a test', objects: 1, bytes: 2 });
      findings.unknown(`u${index}`);
      findings.problem(`p${index}`);
    }
    const report = findings.result();
    expect(itemCount(report)).toBe(6_000);
    expect(report.counts).toEqual({ volume: 6_000, objects: 6_000, bytes: 12_000 });
    expect([report.items.length, report.problems.length]).toEqual([500, 50]);
    expect([report.unknown.length, report.unknownCount]).toEqual([5_000, 6_000]);
    expect(report).not.toHaveProperty('going');
    const kept = bounded(report);
    expect([kept.unknown.length, kept.unknownCount]).toEqual([100, 6_000]);
  });
});
