import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  readFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { walkVolume } from './volume-walk.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'walk-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const seen = (): string[] =>
  [...walkVolume(root)].map((walked) =>
    walked.kind === 'entry' ? `${walked.type} ${walked.path}` : `skipped ${walked.path}`,
  );

describe.runIf(process.platform === 'linux')('walkVolume', () => {
  it('tells folders before what they hold, and never what a link names', () => {
    mkdirSync(join(root, 'b'));
    writeFileSync(join(root, 'b', 'c'), '');
    writeFileSync(join(root, 'a'), '');
    symlinkSync('/etc', join(root, 'link'));
    expect(seen()).toEqual(['file a', 'directory b', 'file b/c', 'link link']);
  });

  it('stays inside when a folder is exchanged for a link while it is walked', () => {
    const outside = mkdtempSync(join(tmpdir(), 'outside-'));
    writeFileSync(join(outside, 'secret'), 'secret');
    mkdirSync(join(root, 'folder'));
    writeFileSync(join(root, 'folder', 'inner'), 'mine');
    const contents: string[] = [];
    try {
      for (const walked of walkVolume(root)) {
        if (walked.kind !== 'entry') continue;
        if (walked.path === 'folder') {
          renameSync(join(root, 'folder'), join(root, 'moved'));
          symlinkSync(outside, join(root, 'folder'));
        }
        if (walked.type === 'file') contents.push(readFileSync(walked.at, 'utf8'));
      }
    } finally {
      rmSync(outside, { recursive: true, force: true });
    }
    expect(contents).not.toContain('secret');
  });

  it('goes so deep and says where it stopped', () => {
    mkdirSync(join(root, ...Array.from({ length: 80 }, () => 'd')), { recursive: true });
    const walked = [...walkVolume(root)];
    expect(walked.at(-1)).toMatchObject({ kind: 'skipped', cut: true });
    expect(walked.length).toBe(65);
  });

  it('names what is no UTF-8', () => {
    writeFileSync(Buffer.concat([Buffer.from(`${root}/odd-`), Buffer.of(0xff)]), '');
    expect(seen()).toEqual(['skipped odd-\ufffd']);
  });
});
