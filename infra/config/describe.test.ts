import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  settingRows,
  settingsEnvFile,
  settingsMarkdown,
  settingsText,
  withSettingsTable,
} from './describe.ts';
import { loadSettings } from './load.ts';
import { RETIRED } from './settings.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (name: string) => readFileSync(join(root, name), 'utf8');

describe('the settings in words', () => {
  it('lists every setting with a meaning of one line', () => {
    for (const row of settingRows()) {
      expect(row.meaning, row.name).toMatch(/^\S.*\S$/);
      expect(row.meaning, row.name).not.toMatch(/[\n.]$/);
    }
  });

  it('shows durations and sizes as a person would write them', () => {
    const text = settingsText();
    expect(text).toMatch(/RECONCILE_INTERVAL +30s/);
    expect(text).toMatch(/S3_ENDPOINT .*\(also MINIO_ENDPOINT\)/);
    expect(text).toMatch(/QUERY_TOKEN .*\(also QUERY_TOKEN_FILE\)/);
    for (const name of Object.keys(RETIRED)) expect(text).toContain(name);
  });

  it('writes an .env.example that means the defaults once uncommented', () => {
    const lines = settingsEnvFile()
      .split('\n')
      .map((line) => /^# ([A-Z0-9_]+)=(.*)$/.exec(line))
      .filter((match) => match !== null);
    expect(lines).toHaveLength(settingRows().length);
    const environment: Record<string, string> = Object.fromEntries(
      lines.map(([, name = '', value = '']) => [name, value]),
    );
    expect(loadSettings(environment)).toEqual(loadSettings({}));
  });

  it('refuses a page without markers', () => {
    expect(() => withSettingsTable('# nothing')).toThrow(/needs the lines/);
  });

  it('finds docs/settings.md and .env.example up to date (else: npm run settings:docs)', () => {
    expect(read('docs/settings.md')).toContain(settingsMarkdown());
    expect(read('.env.example')).toBe(settingsEnvFile());
  });
});
