import { existsSync, mkdtempSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { signAt } from './network-keep.ts';

it('signs anew at each look that finds the rules in force, and takes the sign away at one that does not', () => {
  const dir = mkdtempSync(join(tmpdir(), 'the0-sign-'));
  try {
    const file = join(dir, 'rules-in-force');
    const looked = signAt(file);
    looked(false);
    expect(existsSync(file)).toBe(false);
    looked(true);
    utimesSync(file, 0, 0);
    looked(true);
    expect(Date.now() - statSync(file).mtimeMs).toBeLessThan(60_000);
    looked(false);
    expect(existsSync(file)).toBe(false);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
