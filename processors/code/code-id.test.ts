import { describe, expect, it } from 'vitest';
import { codeIdOf } from './code-id.ts';

describe('codeIdOf', () => {
  const MD5 = '9dd4e461268c8034f5c8564e155c67a6';
  it('is the etag and the version of the rules, readable by a person', () =>
    expect(codeIdOf(MD5, [])).toBe(`${MD5}-v1`));
  it('keeps the etag of a multipart upload', () => expect(codeIdOf(`${MD5}-12`, [])).toBe(`${MD5}-12-v1`));
  it('tells apart what is made executable', () => {
    expect(codeIdOf(MD5, ['bot'])).not.toBe(codeIdOf(MD5, []));
    expect(codeIdOf(MD5, ['bot'])).not.toBe(codeIdOf(MD5, ['query']));
    expect(codeIdOf(MD5, ['a', 'b'])).not.toBe(codeIdOf(MD5, ['a,b']));
  });
  it.each(['', 'UPPER-CASE-ETAG', 'with/slash.and dots', '../../../etc', 'x'.repeat(500)])(
    'etag %j still gives a name fit for a volume',
    (etag) => {
      expect(codeIdOf(etag, ['bot'])).toMatch(/^[a-z0-9-]{10,80}$/);
    },
  );
  it('odd etags that differ only in their odd characters stay apart', () =>
    expect(codeIdOf('A.B.C.D.E', [])).not.toBe(codeIdOf('A-B-C-D-E', [])));
});
