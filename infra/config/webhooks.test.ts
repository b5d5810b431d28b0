import { describe, expect, it } from 'vitest';
import { NOTIFICATION_KINDS } from '../../model/notifications.ts';
import { loadSettings } from './load.ts';

const load = (environment: Record<string, string>) => loadSettings(environment);

describe('addresses of notifications', () => {
  it('are named by host and a mark, never by themselves, and may ask for some kinds', () => {
    const { NOTIFY_URLS } = load({
      NOTIFY_URLS: 'https://hooks.example.com/T0/secret , http://10.0.0.9:8080/x#failed+capacity',
    });
    expect(NOTIFY_URLS).toEqual([
      {
        url: 'https://hooks.example.com/T0/secret',
        name: expect.stringMatching(/^hooks\.example\.com-[0-9a-f]{6}$/) as string,
        kinds: undefined,
      },
      {
        url: 'http://10.0.0.9:8080/x',
        name: expect.stringMatching(/^10\.0\.0\.9:8080-[0-9a-f]{6}$/) as string,
        kinds: ['failed', 'capacity'],
      },
    ]);
  });

  it('are none, and all kinds, where nothing is set', () => {
    expect(load({})).toMatchObject({ NOTIFY_URLS: [], NOTIFY_KINDS: [...NOTIFICATION_KINDS] });
  });

  it.each([
    ['no URL', 'hooks.example.com', /address 1 is no URL/],
    ['another scheme', 'https://a/,ftp://secret-host/x', /address 2 has the scheme ftp:/],
    ['a password', 'https://u:secret-word@a/', /address 1 holds a user or a password/],
    [
      'an unknown kind',
      'https://a/secret-path#crashes',
      /address 1 asks for the kind "crashes"; there are crash-loop/,
    ],
    [
      'a stray % in a fragment',
      'https://a/secret-path#failed%',
      /NOTIFY_URLS.*address 1 has a fragment that is not URL-encoded/,
    ],
  ])('with %s are refused, without being shown', (_what, value, problem) => {
    expect(() => load({ NOTIFY_URLS: value })).toThrow(problem);
    expect(() => load({ NOTIFY_URLS: value })).not.toThrow(/secret-/);
  });

  it.each([
    [{ NOTIFY_KINDS: 'failed,crashes' }, /NOTIFY_KINDS="failed,crashes": there is no kind "crashes"/],
    [{ NOTIFY_SECRET: 'short' }, /NOTIFY_SECRET has 5 characters: 16 or more/],
    [{ NOTIFY_SECRET_PREVIOUS: 'a'.repeat(16) }, /NOTIFY_SECRET_PREVIOUS is set, and NOTIFY_SECRET is not/],
    [
      { DASHBOARD_URL: 'the0.example.com' },
      /DASHBOARD_URL="the0\.example\.com": expected an address that begins/,
    ],
  ])('%j is refused', (environment, problem) => {
    expect(() => load(environment as Record<string, string>)).toThrow(problem);
  });
});
