import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { emptyVolumeAt } from './volume-empty.ts';

let root = '';
let outside = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'empty-'));
  outside = mkdtempSync(join(tmpdir(), 'outside-'));
  writeFileSync(join(outside, 'precious'), 'precious');
});
afterEach(() => {
  for (const path of [root, outside]) rmSync(path, { recursive: true, force: true });
});

describe.runIf(process.platform === 'linux')('emptyVolumeAt', () => {
  it('takes everything away, and of links the links', async () => {
    mkdirSync(join(root, 'a', 'b'), { recursive: true });
    writeFileSync(join(root, 'a', 'b', 'c'), '');
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]), '');
    symlinkSync(outside, join(root, 'link'));
    symlinkSync(join(root, 'nowhere'), join(root, 'a', 'broken'));
    await emptyVolumeAt(root);
    expect(readdirSync(root)).toEqual([]);
    expect(existsSync(join(outside, 'precious'))).toBe(true);
  });

  it('takes away what lies deeper than a path can say', async () => {
    // Built from the inside out: no path names the deepest one.
    for (let depth = 0; depth < 30; depth += 1) {
      const next = join(root, 'next');
      const chain = Array.from({ length: 60 }, () => 'd'.repeat(40));
      mkdirSync(join(next, ...chain), { recursive: true });
      if (existsSync(join(root, 'all'))) renameSync(join(root, 'all'), join(next, ...chain, 'all'));
      renameSync(next, join(root, 'all'));
    }
    await emptyVolumeAt(root);
    expect(readdirSync(root)).toEqual([]);
  });

  it('stays inside when folders are exchanged for links while they are emptied', async () => {
    const folders = Array.from({ length: 40 }, (_, index) => join(root, `folder${index}`));
    for (const folder of folders) {
      mkdirSync(folder);
      for (let file = 0; file < 50; file += 1) writeFileSync(join(folder, String(file)), '');
    }
    let done = false;
    const exchanging = (async () => {
      for (let turn = 0; !done; turn += 1) {
        const folder = folders[turn % folders.length] ?? '';
        try {
          renameSync(folder, join(root, `moved${turn}`));
          symlinkSync(outside, folder);
        } catch {
          // It is gone already.
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await emptyVolumeAt(root);
    done = true;
    await exchanging;
    expect(existsSync(join(outside, 'precious'))).toBe(true);
  });
});
