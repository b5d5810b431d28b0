import { expect, it } from 'vitest';
import { deployedEntry } from './deployed.ts';

const ORDER = { streamCreatedAt: new Date(1_000), sequence: 7 };
const content = (more: { version?: string; filePath?: string; config?: object } = {}) => ({
  config: { apiKey: 'canary', enabled: true, ...more.config },
  custom: { version: more.version ?? '1.0.0', filePath: more.filePath ?? 'owner/bot/1.0.0' },
});
const told = (before: ReturnType<typeof content>, after: ReturnType<typeof content>) =>
  deployedEntry('a', before, after, ORDER);

it.each([
  ['another version', { version: '1.1.0' }, 'Version 1.0.0 → 1.1.0 was deployed.'],
  [
    'another version at its own path',
    { version: '1.1.0', filePath: 'owner/bot/1.1.0' },
    'Version 1.0.0 → 1.1.0 was deployed.',
  ],
  ['the same version anew', { filePath: 'elsewhere' }, 'Other code of version 1.0.0 was deployed.'],
  ['another configuration', { config: { apiKey: 'canary-2' } }, 'Its configuration was changed.'],
  [
    'both at once',
    { version: '1.1.0', config: { size: 3 } },
    'Version 1.0.0 → 1.1.0 was deployed, and its configuration was changed.',
  ],
])('tells of %s', (_what, after, text) => {
  const entry = told(content(), content(after));
  expect(entry).toMatchObject({ _id: 'deploy-1000-7-a', kind: 'deploy', id: 'a', story: ['a'], text });
  expect(JSON.stringify(entry)).not.toContain('canary');
});

it('tells the versions for programs too', () =>
  expect(told(content(), content({ version: '2.0.0' }))).toMatchObject({ before: '1.0.0', after: '2.0.0' }));

it('tells of a version that was not named before, and bounds it', () => {
  const before = { config: content().config, custom: { filePath: 'owner/bot/1.0.0' } };
  expect(deployedEntry('a', before, content(), ORDER)?.text).toBe('Version (none) → 1.0.0 was deployed.');
  expect(told(content(), content({ version: 'x'.repeat(9_000) }))?.text.length).toBeLessThan(200);
});

it('tells nothing where only the owner’s wish changed', () => {
  expect(told(content(), content())).toBeUndefined();
  expect(told(content(), content({ config: { enabled: false } }))).toBeUndefined();
});
