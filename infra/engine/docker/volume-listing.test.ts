import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isOutrun, listingScript, listLocally, parseListing } from './volume-listing.ts';

const MARK = 'abcdef';
const file = (mount: number, path: string): string =>
  `${MARK}=81a0 12 2026-11-24 03:04:05.123456789 +0000|2026-11-24 03:04:06 +0000|/the0/volumes/${mount}/${path}\n`;

describe('listLocally', () => {
  it('says which folder it did not look into, since it lies too deep', async () => {
    const root = mkdtempSync(join(tmpdir(), 'the0-listing-'));
    try {
      mkdirSync(join(root, ...Array.from({ length: 64 }, () => 'd'), 'deeper'), { recursive: true });
      const tooDeep = Array.from({ length: 64 }, () => 'd').join('/');
      expect(await listLocally(root, 100, undefined)).toMatchObject({ complete: false, tooDeep });
      rmSync(join(root, 'd'), { recursive: true });
      mkdirSync(join(root, 'a', 'b'), { recursive: true });
      expect(await listLocally(root, 1, undefined)).toEqual({ files: [expect.anything()], complete: false });
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});

describe('parseListing', () => {
  it('reads what a helper printed of several volumes', () => {
    const output = `\n${MARK}+0\n${file(0, 'b\nnewline')}${file(0, 'a')}\n${MARK}-0 0\n\n${MARK}+1\n\n${MARK}-1 0\n`;
    const listings = parseListing(output, MARK, 10);
    expect(listings.get(0)).toEqual({
      complete: true,
      files: [
        expect.objectContaining({
          path: 'a',
          type: 'file',
          bytes: 12,
          mode: 0o640,
          mtimeNs: '1795489445123456789',
          ctimeNs: '1795489446000000000',
        }),
        expect.objectContaining({ path: 'b\nnewline' }),
      ],
    });
    expect(listings.get(1)).toEqual({ files: [], complete: true });
  });

  it('tells nothing of a volume whose beginning or end is missing', () => {
    const output = `${file(0, 'a')}\n${MARK}-0 0\n\n${MARK}+1\n${file(1, 'b')}`;
    expect(parseListing(output, MARK, 10).size).toBe(0);
  });

  it('says that it was cut', () => {
    const output = `\n${MARK}+0\n${file(0, 'a')}${file(0, 'b')}${file(0, 'c')}\n${MARK}-0 0\n`;
    expect(parseListing(output, MARK, 2).get(0)).toEqual({ complete: false, files: expect.any(Array) as [] });
  });

  it('says that there is too much, not that it was not read, where find was ended for that', () => {
    const output = `\n${MARK}+0\n${file(0, 'a')}${file(0, 'b')}${file(0, 'c')}\n${MARK}-0 141\n`;
    expect(parseListing(output, MARK, 2).get(0)).not.toHaveProperty('unread');
  });

  it.each(['137', '128', ''])('says that it was not read to its end where find ended with “%s”', (status) => {
    const output = `\n${MARK}+0\n${file(0, 'a')}\n${MARK}-0 ${status}\n`;
    expect(parseListing(output, MARK, 10).get(0)).toMatchObject({ complete: false, unread: true });
  });

  it('tells what the engine could not keep from what nobody printed', () => {
    expect(isOutrun(`${file(0, 'z')}\n${MARK}-0 0\n`, MARK)).toBe(true);
    expect(isOutrun(`\n${MARK}+0\n${file(0, 'a')}`, MARK)).toBe(false);
  });

  it('takes what vanished meanwhile, for which find ends with 1, for no cut', () => {
    const output = `\n${MARK}+0\n${file(0, 'a')}\n${MARK}-0 1\n`;
    expect(parseListing(output, MARK, 10).get(0)).toMatchObject({ complete: true });
  });

  it('does not take a name for its own marks without knowing the secret', () => {
    const output = `\n${MARK}+0\n${file(0, 'xyz-0\n+1 =81a0')}\n${MARK}-0 0\n`;
    expect(parseListing(output, MARK, 10).get(0)?.files).toHaveLength(1);
  });
});

describe('listingScript', () => {
  const run = (find: string): string =>
    execFileSync('sh', ['-c', `find() { ${find}; }\n${listingScript(MARK, 2, 3)}`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });

  it('tells how find ended, of each volume', () => {
    const whole = parseListing(run(`printf '${file(0, 'a').trimEnd()}\\n'`), MARK, 3);
    expect(whole.get(0)).toMatchObject({ complete: true, files: [{ path: 'a' }] });
    expect(whole.get(1)).toEqual({ complete: true, files: [] });
  });

  it('takes what a find that was killed had found for not read to its end', () => {
    const killed = parseListing(run(`sh -c 'kill -9 $$'`), MARK, 3);
    expect([...killed.values()].map(({ complete, unread }) => [complete, unread])).toEqual([
      [false, true],
      [false, true],
    ]);
  });
});
