import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeMachine, treeChange, treeNow } from './harness/machine.ts';
import { render } from './report.ts';

const line = (name: string, pass = true) => ({
  name,
  value: 1,
  unit: 's',
  anchor: null,
  ratio: null,
  goal: '≤ 2 s',
  pass,
  runs: [1],
});
const keptAt = (date: string, commit: string, more: object = {}) => ({
  machine: describeMachine(new Date(date), { commit, changes: '' }),
  seconds: 3,
  goal: 'quick',
  verdict: { ...line('b'), figures: [line('a figure')] },
  ...more,
});

describe('RESULTS.md', () => {
  const report = render([
    ['starts', keptAt('2026-11-24T10:00:00Z', 'aaa1111')],
    [
      'plan',
      keptAt('2026-11-29T10:00:00Z', 'bbb2222', { changed: 'files of the tree changed while it ran' }),
    ],
  ]);
  const of = (name: string): string => report.split(`## ${name}`)[1]?.split('## ')[0] ?? '';

  it('tells of each bench when and at which commit it was run, and no other bench’s', () => {
    expect(of('starts')).toContain('Measured on 2026-11-24 at commit aaa1111');
    expect(of('starts')).not.toMatch(/2026-11-29|bbb2222/);
    expect(of('plan')).toContain('Measured on 2026-11-29 at commit bbb2222');
  });

  it('flags what was measured while the tree changed', () => {
    expect(of('plan')).toContain('**Not of one commit: files of the tree changed while it ran.**');
    expect(of('starts')).not.toContain('Not of one commit');
  });

  it('names a bench that failed in its place', () => {
    const { verdict: _none, ...rest } = keptAt('2026-11-24T10:00:00Z', 'aaa1111');
    const failed = render([['starts', { ...rest, failed: 'no engine\nstack' }]]);
    expect(failed).toMatch(/## starts\n\nMeasured on .*\n\nIt failed: no engine\n/);
  });
});

describe('the tree of a run', () => {
  let dir = '';
  const git = (...args: string[]): void =>
    void execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: dir });
  const write = (name: string, text: string): void => {
    mkdirSync(join(dir, name, '..'), { recursive: true });
    writeFileSync(join(dir, name), text);
  };
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'bench-tree-'));
    git('init', '-q');
    write('a.ts', '1');
    write('test/bench/raw/x.json', '1');
    git('add', '.');
    git('commit', '-q', '-m', 'one');
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('is the same as long as only benches’ own files change', () => {
    const before = treeNow(dir);
    expect(before.changes).toBe('');
    write('test/bench/raw/x.json', '2');
    write('test/bench/RESULTS.md', 'x');
    expect(treeChange(before, treeNow(dir))).toBeUndefined();
  });

  it('is another after an edit, also of what was edited before, and of a file that is new', () => {
    const clean = treeNow(dir);
    write('a.ts', '2');
    const edited = treeNow(dir);
    expect(treeChange(clean, edited)).toBe('files of the tree changed while it ran');
    write('a.ts', '3');
    const again = treeNow(dir);
    expect(treeChange(edited, again)).toBeDefined();
    write('b.ts', '1');
    const added = treeNow(dir);
    expect(treeChange(again, added)).toBeDefined();
    write('b.ts', '2');
    expect(treeChange(added, treeNow(dir))).toBeDefined();
  });

  it('is another after a commit, and both are named', () => {
    const before = treeNow(dir);
    git('add', '.');
    git('commit', '-q', '-m', 'two');
    const after = treeNow(dir);
    expect(after.changes).toBe('');
    expect(treeChange(before, after)).toBe(
      `the tree went from ${before.commit} with changes to ${after.commit} while it ran`,
    );
  });

  it('is not known where there is no history', () => {
    const bare = mkdtempSync(join(tmpdir(), 'bench-bare-'));
    expect(treeNow(bare)).toEqual({ commit: 'unknown', changes: '' });
    rmSync(bare, { recursive: true });
  });
});
