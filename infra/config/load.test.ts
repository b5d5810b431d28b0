import { describe, expect, it } from 'vitest';
import { withFlags } from './flags.ts';
import { loadSettings, retiredInUse, SettingsError } from './load.ts';

const problemsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    loadSettings(environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
};

describe('loadSettings', () => {
  it('has a default for everything', () => {
    const settings = loadSettings({});
    expect(settings.MONGO_URI).toBe('mongodb://localhost:27017');
    expect(settings.REDIS_URL).toBe('redis://localhost:6379');
    expect(settings.NATS_URL).toBeUndefined();
    expect(settings.RECONCILE_INTERVAL).toBe(30_000);
    expect(settings.EGRESS_ALLOW).toEqual([]);
  });

  it('treats an empty variable as unset', () => {
    expect(loadSettings({ MONGO_URI: '', HEALTH_PORT: '' })).toEqual(loadSettings({}));
  });

  it('is not upset by names it does not know', () => {
    expect(
      loadSettings({ DOCKER_TEMP_DIR: '/x', MASTER_SERVICE: 'y', MAX_RETRIES: '3', TEMP_DIR: 'anywhere' }),
    ).toEqual(loadSettings({}));
  });

  it('reads the reference’s names, and prefers our own where both are set', () => {
    expect(loadSettings({ MINIO_ENDPOINT: 'minio:9000', MINIO_SSL: 'true' })).toMatchObject({
      S3_ENDPOINT: 'minio:9000',
      S3_USE_SSL: true,
    });
    expect(loadSettings({ S3_ENDPOINT: 'mine:1', MINIO_ENDPOINT: 'minio:9000' }).S3_ENDPOINT).toBe('mine:1');
  });

  it.each([
    ['false', false],
    ['0', false],
    ['True', true],
    ['on', true],
  ])('reads ALLOW_UNFILTERED_EGRESS=%s as %s', (text, value) => {
    expect(loadSettings({ ALLOW_UNFILTERED_EGRESS: text }).ALLOW_UNFILTERED_EGRESS).toBe(value);
  });

  it.each([
    ['45', 45_000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1.5h', 5_400_000],
  ])('reads the duration %s as %d ms', (text, value) => {
    expect(loadSettings({ STOP_GRACE: text }).STOP_GRACE).toBe(value);
  });

  it('reports every problem at once, each with name, value and cure', () => {
    const problems = problemsOf({
      STOP_GRACE: 'soon',
      HEALTH_PORT: '99999',
      INSTALLATION: 'My Bots',
      LOG_LEVEL: 'loud',
    });
    expect(problems).toHaveLength(4);
    expect(problems.join('\n')).toMatch(/STOP_GRACE="soon": expected a duration such as 30s/);
    expect(problems.join('\n')).toMatch(/HEALTH_PORT="99999"/);
    expect(problems.join('\n')).toMatch(/INSTALLATION="My Bots"/);
  });

  it('never shows a secret’s value', () => {
    const [problem] = problemsOf({ IMAGE_REGISTRY_PASSWORD: 'hunter2' });
    expect(problem).toMatch(/IMAGE_REGISTRY_PASSWORD/);
    expect(problem).not.toContain('hunter2');
  });

  it('reads yes or no, or the addresses and ranges of proxies', () => {
    const read = (text: string) => loadSettings({ CONTROL_BEHIND_PROXY: text }).CONTROL_BEHIND_PROXY;
    expect(['', '0', '1', 'yes'].map(read)).toEqual([false, false, true, true]);
    expect(read('10.0.0.0/8, ::1')).toEqual([
      { address: '10.0.0.0', bits: 8, family: 'ipv4' },
      { address: '::1', bits: 128, family: 'ipv6' },
    ]);
    for (const wrong of ['proxy', '10.0.0.0/33', '10.0.0', '10.0.0.1,', '::1/129', 'fe80::1%eth0'])
      expect(problemsOf({ CONTROL_BEHIND_PROXY: wrong })[0]).toMatch(/expected yes or no, or addresses/);
  });

  it('names limits that contradict each other', () => {
    expect(problemsOf({ BOT_MEMORY_LIMIT_MB: '8192' }).join()).toMatch(
      /above BOT_MEMORY_CEILING_MB=4096: raise the ceiling too/,
    );
    expect(problemsOf({ BOT_CPU_LIMIT: '8' }).join()).toMatch(/above BOT_CPU_CEILING=4/);
    expect(problemsOf({ BACKOFF_FIRST: '10m' }).join()).toMatch(/BACKOFF_FIRST is above BACKOFF_MAX/);
  });

  it('reads a secret from NAME_FILE without its final newline, also under an older name', () => {
    const files: Record<string, string> = { '/s/key': 'abc\n' };
    const readFile = (path: string) => {
      const text = files[path];
      if (text === undefined) throw new Error('ENOENT');
      return text;
    };
    expect(loadSettings({ S3_SECRET_KEY_FILE: '/s/key' }, readFile).S3_SECRET_KEY).toBe('abc');
    expect(loadSettings({ MINIO_SECRET_KEY_FILE: '/s/key' }, readFile).S3_SECRET_KEY).toBe('abc');
    expect(() => loadSettings({ S3_SECRET_KEY_FILE: '/s/none' }, readFile)).toThrow(
      /S3_SECRET_KEY_FILE="\/s\/none" cannot be read/,
    );
  });
});

describe('withFlags', () => {
  it('lets a flag outrank the environment', () => {
    const environment = withFlags(
      { MONGO_URI: 'mongodb://env' },
      { mongoUri: 'mongodb://flag', reconcileInterval: '5s' },
    );
    expect(loadSettings(environment)).toMatchObject({
      MONGO_URI: 'mongodb://flag',
      RECONCILE_INTERVAL: 5000,
    });
  });

  it('knows the reference’s flags by their settings', () => {
    const flags = { natsUrl: 'nats://flag', checkInterval: '5s', port: '9999' };
    expect(loadSettings(withFlags({ QUERY_SERVER_PORT: '1' }, flags))).toMatchObject({
      NATS_URL: 'nats://flag',
      CHECK_INTERVAL: 5000,
      QUERY_SERVER_PORT: 9999,
    });
  });

  it('leaves flags of other kinds alone', () => {
    expect(withFlags({}, { json: true, id: 'x', mongoUri: undefined })).toEqual({});
  });
});

describe('retiredInUse', () => {
  it('names what has no effect and what replaces it', () => {
    const used = retiredInUse({
      DASHBOARD_TOKEN: 'hunter2',
      DOCKER_NETWORK: 'the0-oss-network',
      RUNTIME_IMAGE: '',
      PATH: '/bin',
    });
    expect(used.map((entry) => entry.name)).toEqual(['DOCKER_NETWORK', 'DASHBOARD_TOKEN']);
    expect(JSON.stringify(used)).not.toContain('hunter2');
    expect(used[0]?.replacement).toMatch(/EGRESS_ALLOW/);
  });
});
