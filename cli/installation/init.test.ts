import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import { initInstallation } from './init.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'the0-init-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const init = () => initInstallation({ dir, installation: 'x', socket: tmpdir() });
const modeOf = (path: string): string => (statSync(join(dir, path)).mode & 0o777).toString(8);

it('makes a file for the operator’s settings that sets nothing, and a folder that containers may read', () => {
  init();
  expect(parseEnv(readFileSync(join(dir, 'settings.env'), 'utf8'))).toEqual({});
  expect(['settings.env', 'secrets', 'secrets/own'].map(modeOf)).toEqual(['600', '700', '755']);
});

it('shows in that file only what can be set', () => {
  init();
  const lines = readFileSync(join(dir, 'settings.env'), 'utf8').split('\n');
  const examples = parseEnv(lines.flatMap((line) => /^# ([A-Z_]+=\S+)$/.exec(line)?.[1] ?? []).join('\n'));
  expect(examples).toMatchObject({ NOTIFY_SECRET_FILE: '/run/own/notify_secret' });
  const settings = loadSettings(examples, (path) =>
    path.endsWith('urls') ? 'https://receiver.example/problems' : 'name=as-long-as-a-key',
  );
  for (const name of Object.keys(examples))
    expect(name in settings || name.replace(/_FILE$/, '') in settings, name).toBe(true);
});

it('leaves all of the operator’s as it is when it is run again, for an upgrade', () => {
  init();
  const secretsBefore = readFileSync(join(dir, 'secrets/mongo_uri'), 'utf8');
  appendFileSync(join(dir, 'settings.env'), 'DASHBOARD_URL=https://the0.example\n');
  appendFileSync(join(dir, '.env'), 'CONTROL_PORT=9090\n');
  writeFileSync(join(dir, 'secrets/own/notify_secret'), 'a-secret-of-the-operator');
  writeFileSync(join(dir, 'compose.yaml'), 'of an earlier version');
  expect(init().keptSecrets).toBe(true);
  const settings = parseEnv(readFileSync(join(dir, 'settings.env'), 'utf8'));
  expect(settings).toEqual({ DASHBOARD_URL: 'https://the0.example' });
  expect(parseEnv(readFileSync(join(dir, '.env'), 'utf8'))).toMatchObject({ CONTROL_PORT: '9090' });
  expect(readFileSync(join(dir, 'secrets/own/notify_secret'), 'utf8')).toBe('a-secret-of-the-operator');
  expect(readFileSync(join(dir, 'secrets/mongo_uri'), 'utf8')).toBe(secretsBefore);
  expect(readFileSync(join(dir, 'compose.yaml'), 'utf8')).toContain('env_file: [settings.env]');
});

it('gives an installation of before its settings file', () => {
  init();
  rmSync(join(dir, 'settings.env'));
  rmSync(join(dir, 'secrets/own'), { recursive: true });
  init();
  expect(['settings.env', 'secrets/own'].map(modeOf)).toEqual(['600', '755']);
});
