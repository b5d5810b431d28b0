import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scheduleTables, withScheduleTables } from './schedule-tables.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8');

describe('the tables of schedules', () => {
  it('are put between their markers, again and again to the same end', () => {
    const bare = scheduleTables()
      .map(({ markers }, index) => `${markers.begin}\nSTALE ${index}\n${markers.end}`)
      .join('\n\n');
    const once = withScheduleTables(`# Top\n\n${bare}\n\nBottom\n`);
    expect(once).toMatch(/^# Top\n\n<!-- [\s\S]*-->\n\nBottom\n$/);
    expect(once).not.toContain('STALE');
    for (const { markdown } of scheduleTables()) expect(once).toContain(markdown);
    expect(withScheduleTables(once)).toBe(once);
  });

  it('refuse a page without markers', () => {
    expect(() => withScheduleTables('# nothing')).toThrow(/needs the lines/);
  });

  it('are up to date in the README (else: npm run schedules:docs)', () => {
    // Not `toBe`: the difference would be printed, and it is long.
    expect(withScheduleTables(page) === page, 'npm run schedules:docs').toBe(true);
  });
});
