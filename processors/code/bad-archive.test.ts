import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BadArchive, quoteName, REFUSALS } from './bad-archive.ts';

describe('BadArchive', () => {
  it('names the entry, the reason and the cure, and is for good', () => {
    const error = new BadArchive('link', 'is a symbolic link', { entry: 'a/b' });
    expect(error.message).toBe(
      'The code archive was refused: entry "a/b" is a symbolic link. Put the file itself into the ZIP, not a link to it.',
    );
    expect(error).toMatchObject({ code: 'link', retryable: false, entry: '"a/b"' });
  });

  it('shows names that would disturb a terminal or a page as what they are', () => {
    expect(quoteName('a\u001b[2J\u202egpj.exe')).toBe('"a\\u001b[2J\\u202egpj.exe"');
    expect(quoteName('x'.repeat(5000)).length).toBeLessThan(200);
  });

  it('has every reason in the table of the README', () => {
    const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
    const missing = Object.entries(REFUSALS).filter(
      ([code, { meaning }]) => !readme.includes(`| \`${code}\` | ${meaning} |`),
    );
    expect(missing).toEqual([]);
  });
});
