import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../infra/config/load.ts';
import { LABEL } from '../../../model/labels.ts';
import { botLimits } from '../../../model/limits.ts';
import { botSpec, operatorLimits } from '../../../processors/bot-spec.ts';
import { findingsIn } from './facts.ts';
import { processesTried, serverAddresses, targetsOf } from './plan.ts';
import { probeSpec } from './probe-spec.ts';
import { digestsOf, leaksIn, secretsOf } from './secrets.ts';

describe('where the servers are', () => {
  const addresses = (environment: Record<string, string>) =>
    serverAddresses(loadSettings(environment)).map(({ name, host, port }) => `${name} ${host}:${port}`);

  it('is read from the settings, several of one kind too', () => {
    expect(
      addresses({
        MONGO_URI: 'mongodb://me:secret@a:1,b:2/?replicaSet=x',
        REDIS_URL: 'rediss://:secret@c',
        NATS_URL: 'nats://u:secret@d:3,e',
        S3_ENDPOINT: 'https://f',
        DOCKER_HOST: 'tcp://g:2375',
      }),
    ).toEqual([
      'MongoDB a:1',
      'MongoDB b:2',
      'Redis c:6379',
      'NATS d:3',
      'NATS e:4222',
      'S3 f:443',
      'the engine g:2375',
    ]);
    expect(addresses({ NATS_URL: '' })).toEqual([
      'MongoDB localhost:27017',
      'Redis localhost:6379',
      'S3 localhost:9000',
    ]);
  });

  it('leaves out what cannot be read', () => {
    expect(addresses({ MONGO_URI: 'nonsense', REDIS_URL: 'redis://[' })).toEqual(['S3 localhost:9000']);
  });
});

describe('what the bot tries to reach', () => {
  const around = {
    gateway: '172.18.0.1',
    own: ['10.0.0.5'],
    hostPort: 4000,
    neighbour: { address: '172.18.0.2', names: ['n'], port: 7411 },
    resolved: new Map([['db', ['10.9.9.9', '10.9.9.8']]]),
  };
  const whats = (host: string, changed: Partial<typeof around> = {}) =>
    targetsOf([{ name: 'Redis', host, port: 6379 }], { ...around, ...changed }).map(({ what }) => what);

  it('is what listens on loopback at every address of this machine, and what has a name at all of its own', () => {
    expect(whats('localhost').filter((what) => what.startsWith('Redis'))).toEqual([
      'Redis at 127.0.0.1:6379',
      'Redis at 172.18.0.1:6379',
      'Redis at 10.0.0.5:6379',
    ]);
    expect(whats('db').filter((what) => what.startsWith('Redis'))).toEqual([
      'Redis at db:6379',
      'Redis at 10.9.9.9:6379',
      'Redis at 10.9.9.8:6379',
    ]);
  });

  it('is the metadata address, this host and another bot, each once, and nothing by IPv6', () => {
    expect(whats('::1', { own: ['172.18.0.1'] }).filter((what) => !what.startsWith('Redis'))).toEqual([
      'the metadata address at 169.254.169.254:80',
      'this host at 172.18.0.1:4000',
      'another bot at 172.18.0.2:7411',
      'another bot at n:7411',
    ]);
    expect(whats('fe80::1').some((what) => what.includes('fe80'))).toBe(false);
  });

  it('is never more processes than its memory carries', () => {
    expect(processesTried(256)).toBe(288);
    expect(processesTried(30_000)).toBe(600);
  });
});

describe('secrets', () => {
  const settings = loadSettings({
    MONGO_URI: 'mongodb://me:p%40ssword@a:1',
    REDIS_URL: 'redis://localhost',
    S3_SECRET_KEY: 'wJalrXUtnFEMI',
    S3_ACCESS_KEY: 'abc',
    QUERY_TOKEN: '0123456789abcdef',
  });

  it('are those of the settings, of addresses the password as it is and as it is written', () => {
    expect(secretsOf(settings)).toEqual([
      { name: 'MONGO_URI', value: 'p%40ssword' },
      { name: 'MONGO_URI', value: 'p@ssword' },
      { name: 'S3_SECRET_KEY', value: 'wJalrXUtnFEMI' },
      { name: 'QUERY_TOKEN', value: '0123456789abcdef' },
    ]);
  });

  it('are given to the bot as digests that are worth nothing elsewhere', () => {
    const secrets = secretsOf(settings);
    const told = digestsOf(secrets, Buffer.alloc(16, 1));
    for (const { value } of secrets) expect(JSON.stringify(told)).not.toContain(value);
    expect(told[2]).toMatchObject({ name: 'S3_SECRET_KEY', bytes: 13 });
    expect(digestsOf(secrets, Buffer.alloc(16, 2))[2]?.digest).not.toBe(told[2]?.digest);
  });

  it('are found in a text by name, never by value', () => {
    const leaks = leaksIn('env S3=wJalrXUtnFEMI', 'its labels', secretsOf(settings));
    expect(leaks).toEqual([{ name: 'S3_SECRET_KEY', where: 'its labels' }]);
  });
});

describe('what the bot says', () => {
  it('is taken line by line, and whatever else is there is passed over', () => {
    const fact = { probe: 'status', what: 'Uid', result: '1000', detail: '' };
    const output = ['SIGNAL: x', JSON.stringify(fact), '{"probe":', '{"probe":1}', '{}', ''].join('\n');
    expect(findingsIn(output)).toEqual([fact]);
  });
});

describe('the container of a probe', () => {
  it('is a bot’s in everything but name, kind and labels', () => {
    const settings = loadSettings({ BOT_PIDS_LIMIT: '77', BOT_TMP_MB: '9', BOT_APPARMOR_PROFILE: 'bots' });
    const config = { type: 'realtime/the0-probe', memory_limit: '256Mi' };
    const image = `sha256:${'a'.repeat(64)}`;
    const { spec, launch } = probeSpec({
      installation: 'the0',
      botId: 'doctor-probe-1',
      config,
      image,
      codeVolume: 'the0_code_x',
      settings,
      seccompProfile: '{}',
    });
    const limits = botLimits(config, operatorLimits(settings));
    if (!limits.ok) throw new Error(limits.problems.join());
    const bot = botSpec({
      installation: 'the0',
      botId: 'doctor-probe-1',
      launch,
      limits: limits.limits,
      image,
      codeVolume: { name: 'the0_code_x', labels: {} },
      labels: {},
      settings,
      seccompProfile: '{}',
    });
    const unlabelled = spec.volumes.map((volume) => ({ ...volume, labels: {} }));
    expect({ ...spec, volumes: unlabelled, name: bot.name, kind: bot.kind, labels: {} }).toEqual({
      ...bot,
      volumes: bot.volumes.map((volume) => ({ ...volume, labels: {} })),
    });
    expect(spec.kind).toBe('probe');
    // What is managed and wanted by nobody is stopped, within moments.
    expect(spec.labels).toEqual({ [LABEL.id]: 'doctor-probe-1' });
    expect(spec.labels).not.toHaveProperty(LABEL.managed);
  });
});
