import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { commandEnvironment, findTarget } from './target.ts';
import { claimUp, updateUp } from './up-file.ts';

let dir = '';
let environment: Record<string, string>;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'target-'));
  environment = { UP_FILE: join(dir, 'up.json') };
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function upWith(env: Record<string, string>): void {
  const path = environment['UP_FILE'] ?? '';
  updateUp(path, { ...claimUp(path, { startedAt: 'now', dataDir: dir, env: {} }), env });
}

const targetOf = (flags: Record<string, unknown>) =>
  findTarget(flags, commandEnvironment(flags, environment));

it('a running `up` is found, and what it was started with outranks the environment', () => {
  upWith({ MONGO_URI: 'mongodb://up', QUERY_SERVER_PORT: '7001' });
  environment['QUERY_SERVER_PORT'] = '7002';
  const { settings, origin } = targetOf({});
  expect(settings).toMatchObject({ MONGO_URI: 'mongodb://up', QUERY_SERVER_PORT: 7001 });
  expect(origin).toContain(`process ${process.pid}`);
});

it('a flag outranks both', () => {
  upWith({ MONGO_URI: 'mongodb://up', QUERY_SERVER_PORT: '7001' });
  expect(targetOf({ port: '7003' }).settings).toMatchObject({
    MONGO_URI: 'mongodb://up',
    QUERY_SERVER_PORT: 7003,
  });
});
