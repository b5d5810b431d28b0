import fc from 'fast-check';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BadArchive } from './bad-archive.ts';
import { cleanName, collisionKey, namesFolder } from './entry-name.ts';

describe('cleanName', () => {
  it.each([
    ['a/b.py', ['a', 'b.py']],
    ['./a//b/./c', ['a', 'b', 'c']],
    ['dir/', ['dir']],
    ['./', []],
    ['...', ['...']],
    ['a..b', ['a..b']],
    ['~/x', ['~', 'x']],
  ])('%j becomes %j', (name, parts) => expect(cleanName(name)).toEqual(parts));

  it('whatever is accepted stays inside the folder it is put into', () => {
    const nasty = fc.string({
      unit: fc.constantFrom('.', '..', '/', '\\', 'a', 'C:', '\0', '\n', ' ', 'é', '\u202e'),
      maxLength: 12,
    });
    fc.assert(
      fc.property(nasty, (name) => {
        let parts: string[];
        try {
          parts = cleanName(name);
        } catch (error) {
          expect(error).toBeInstanceOf(BadArchive);
          return;
        }
        expect(posix.resolve('/code', parts.join('/')).startsWith('/code')).toBe(true);
        expect(
          parts.some((part) => part === '' || part === '.' || part === '..' || /[\\/\0\n]/.test(part)),
        ).toBe(false);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('namesFolder', () => {
  it.each(['a/', './', '.', 'a/.'])('%j is a folder', (name) => expect(namesFolder(name)).toBe(true));
  it.each(['a', 'a.', '..a', '', 'a/..b.'])('%j is not', (name) => expect(namesFolder(name)).toBe(false));
});

describe('collisionKey', () => {
  it.each([
    ['README.md', 'readme.MD'],
    ['caf\u00e9', 'cafe\u0301'],
    ['STRASSE', 'straße'],
    ['ÀÉ', 'àé'],
  ])('%s and %s collide', (a, b) => expect(collisionKey(a)).toBe(collisionKey(b)));
  it('different names do not', () => expect(collisionKey('a.py')).not.toBe(collisionKey('b.py')));
});
