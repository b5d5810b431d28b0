import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { claimUp, findUp, releaseUp, updateUp } from './up-file.ts';

let dir = '';
let path = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'up-file-'));
  path = join(dir, 'deeper', 'up.json');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const facts = { startedAt: '2026-11-23T00:00:00.000Z', dataDir: '/data', env: {} };

it('is found while its process lives, and readable by its owner only', () => {
  expect(findUp(path)).toBeUndefined();
  const claim = claimUp(path, facts);
  updateUp(path, { ...claim, env: { MONGO_URI: 'mongodb://x' }, dashboardUrl: 'http://d' });
  expect(findUp(path)).toMatchObject({ pid: process.pid, env: { MONGO_URI: 'mongodb://x' } });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  releaseUp(path);
  expect(findUp(path)).toBeUndefined();
});

it('lets no second one in, and says where the first is', () => {
  claimUp(path, facts);
  expect(() => claimUp(path, facts)).toThrow(
    new RegExp(`\`up\` runs here already: process ${process.pid} .*data in /data.*kill -INT ${process.pid}`),
  );
});

it('takes over what a dead process, or half a write, has left behind', async () => {
  claimUp(path, facts);
  const child = spawn('true');
  await new Promise((resolve) => child.on('exit', resolve));
  writeFileSync(path, JSON.stringify({ ...facts, pid: child.pid, processStart: '' }));
  expect(findUp(path)).toBeUndefined();
  expect(claimUp(path, facts).pid).toBe(process.pid);
  writeFileSync(path, readFileSync(path, 'utf8').slice(0, 20));
  expect(claimUp(path, facts).pid).toBe(process.pid);
});

it('is not fooled by another process with the same pid', () => {
  const claim = claimUp(path, facts);
  updateUp(path, { ...claim, processStart: '1' });
  expect(findUp(path)).toBeUndefined();
});

it('removes nobody else’s claim', () => {
  const claim = claimUp(path, facts);
  updateUp(path, { ...claim, pid: process.ppid, processStart: '' });
  releaseUp(path);
  expect(findUp(path)?.pid).toBe(process.ppid);
});
