import { describe, expect, it } from 'vitest';
import { excessOf } from './limits.ts';

describe('why a listing that is not complete is over a limit', () => {
  it('is the number of its files, where nothing else is said', () => {
    expect(excessOf({}, 50)).toBe('has more than 50 files and folders, which is the most that is allowed');
  });

  it('is how deep it goes, with a path that can be read', () => {
    const tooDeep = Array.from({ length: 64 }, () => 'folder').join('/');
    const text = excessOf({ tooDeep }, 50);
    expect(text).toMatch(/^has folders in folders more than 64 deep, .*: "folder\/folder/);
    expect(text).not.toContain('50');
    expect(text.length).toBeLessThan(200);
  });
});
