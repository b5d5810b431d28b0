import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../infra/config/load.ts';
import { checkSpec } from '../infra/engine/spec-check.ts';
import { botLabels } from '../model/labels.ts';
import { botLimits } from '../model/limits.ts';
import { type BotSpecInput, botSpec, operatorLimits, runSpec } from './bot-spec.ts';
import { RUNTIME_IDS } from './entrypoints/index.ts';
import { planLaunch } from './entrypoints/plan.ts';

const IMAGE = `sha256:${'a'.repeat(64)}`;
const HOST = {
  cgroupVersion: 2,
  apparmor: true,
  seccomp: true,
  blockIoWeight: true,
  blockIoRates: true,
  ociRuntimes: ['runc', 'runsc'],
  cpus: 2,
} as const;
const ENTRY: Record<string, string> = { scala3: 'bot.jar:Main', dotnet8: 'Bot.dll' };

function input(
  environment: Record<string, string> = {},
  runtime = 'python3.11',
  config: Record<string, unknown> = {},
): BotSpecInput {
  const settings = loadSettings(environment);
  const entry = ENTRY[runtime] ?? 'main';
  const limits = botLimits(config, operatorLimits(settings));
  if (!limits.ok) throw new Error(limits.problems.join('\n'));
  return {
    installation: 'the0',
    botId: 'bot-1',
    launch: planLaunch({
      botId: 'bot-1',
      botType: 'realtime',
      runtime,
      entrypoints: { bot: entry },
      codeFile: 'o/b/1.0.0',
      config,
    }),
    limits: limits.limits,
    image: IMAGE,
    codeVolume: { name: 'the0_code_abc', labels: { 'the0.code': 'abc' } },
    labels: botLabels({
      botId: 'bot-1',
      entrypoint: entry,
      runtime,
      fingerprint: 'f',
      token: 3,
      restarts: 0,
      code: 'abc',
    }),
    settings,
  };
}

describe('botSpec', () => {
  it.each(RUNTIME_IDS)('makes a container of %s that the engine accepts', (runtime) => {
    expect(() =>
      checkSpec('the0', botSpec(input({}, runtime)), { ...HOST, ociRuntimes: [...HOST.ociRuntimes] }),
    ).not.toThrow();
  });

  it('mounts code read-only, and only the two volumes of the bot besides', () => {
    const spec = botSpec(input());
    expect(spec.volumes.map(({ volume, path, readOnly }) => [volume, path, readOnly])).toEqual([
      ['the0_code_abc', '/the0/code', true],
      ['the0_launch_bot-1', '/the0/run', false],
      ['the0_state_bot-1', '/state', false],
    ]);
    expect(spec.volumes.map(({ sizeBytes }) => sizeBytes)).toEqual([undefined, undefined, 8192 * 2 ** 20]);
    expect(spec).toMatchObject({ name: 'the0_bot_bot-1', kind: 'bot', network: 'bots', workingDir: '/bot' });
    expect(spec.readOnlyRoot).toBeUndefined();
  });

  it('sizes every tmpfs, and lets programs be run from /bot alone', () => {
    const { tmpfs } = botSpec(input({ BOT_WORKDIR_MB: '7', BOT_TMP_MB: '9' }));
    expect(tmpfs.map(({ path, sizeMb, exec, mode }) => [path, sizeMb, exec, mode])).toEqual([
      ['/bot', 7, true, 0o755],
      ['/tmp', 9, false, 0o1777],
      ['/query', 16, false, 0o755],
      ['/var/the0', 16, false, 0o755],
    ]);
  });

  it('carries the bot’s own limits and the operator’s', () => {
    const { limits } = botSpec(
      input({ BOT_PIDS_LIMIT: '99', BOT_SHM_MB: '3', LOG_ENGINE_MB: '6' }, 'nodejs20', {
        memory_limit: '64Mi',
        cpu_limit: '250m',
      }),
    );
    expect(limits).toEqual({
      memoryBytes: 64 * 2 ** 20,
      cpus: 0.25,
      cpuShares: 512,
      pids: 99,
      nofile: 4096,
      nproc: 65_536,
      shmBytes: 3 * 2 ** 20,
      fileBytes: 8192 * 2 ** 20,
      logBytes: 6 * 2 ** 20,
    });
  });

  it('lets no file grow beyond a whole state, and none be too small for a runtime', () => {
    const megabytes = (environment: Record<string, string>) =>
      (botSpec(input(environment)).limits.fileBytes ?? 0) / 2 ** 20;
    expect(megabytes({ MAX_STATE_SIZE_MB: '20000' })).toBe(20_000);
    expect(megabytes({ MAX_STATE_SIZE_MB: '1' })).toBe(4096);
    expect(megabytes({ MAX_STATE_SIZE_MB: '1', BOT_TMP_MB: '5000' })).toBe(5000);
  });

  it.each([
    [{}, undefined],
    [{ BOT_BLKIO_WEIGHT: '100' }, { weight: 100 }],
    [{ BOT_BLKIO_READ_MB: '5' }, undefined],
    [
      { BOT_BLKIO_READ_MB: '5', BOT_BLKIO_DEVICE: '/dev/sda' },
      { readBps: 5 * 2 ** 20, device: '/dev/sda' },
    ],
    [
      { BOT_BLKIO_WRITE_MB: '1', BOT_BLKIO_DEVICE: '/dev/sda', BOT_BLKIO_WEIGHT: '10' },
      { weight: 10, writeBps: 2 ** 20, device: '/dev/sda' },
    ],
    [{ BOT_BLKIO_DEVICE: '/dev/sda' }, undefined],
  ])('block I/O of %j', (environment, expected) => {
    expect(botSpec(input(environment)).limits.blockIo).toEqual(expected);
  });

  it('passes on what the operator chose of OCI runtime and profiles', () => {
    const chosen = { BOT_OCI_RUNTIME: 'runsc', BOT_APPARMOR_PROFILE: 'bots' };
    expect(botSpec({ ...input(chosen), seccompProfile: '{}' })).toMatchObject({
      ociRuntime: 'runsc',
      apparmorProfile: 'bots',
      seccompProfile: '{}',
    });
    expect(botSpec(input())).not.toHaveProperty('ociRuntime');
  });

  it('holds no value of the configuration and no credential of ours, whatever they are', () => {
    const secret = fc.uuid().map((id) => `canary-${id}`);
    const config = fc.dictionary(
      fc.string(),
      fc.oneof(secret, fc.array(secret), fc.dictionary(secret, secret)),
      { minKeys: 1 },
    );
    const ours = {
      S3_ACCESS_KEY: 'canary-s3',
      S3_SECRET_KEY: 'canary-s3-secret',
      NATS_URL: 'nats://user:canary-nats@nats:4222',
      MONGO_URI: 'mongodb://user:canary-mongo@mongo',
      REDIS_URL: 'redis://:canary-redis@redis',
      QUERY_TOKEN: 'canary-query-token',
      IMAGE_REGISTRY_SERVER: 'registry.example.com',
      IMAGE_REGISTRY_USERNAME: 'canary-registry-user',
      IMAGE_REGISTRY_PASSWORD: 'canary-registry',
    };
    fc.assert(
      fc.property(config, fc.constantFrom(...RUNTIME_IDS), (secrets, runtime) => {
        const spec = JSON.stringify(botSpec(input(ours, runtime, secrets)));
        return !spec.includes('canary') && !/MINIO|NATS|REDIS|MONGO|S3_/.test(spec);
      }),
    );
  });
});

describe('runSpec', () => {
  const { botId: _unused, ...rest } = input();
  const spec = runSpec({ ...rest, scheduleId: 'bot-1', runId: 'bot-1@20261124T100000Z' });

  it('is a bot’s container in all but its names, its kind and its launch volume', () => {
    expect({ ...spec, name: '', kind: '', volumes: [] }).toEqual({
      ...botSpec(input()),
      name: '',
      kind: '',
      volumes: [],
    });
    expect(spec).toMatchObject({ name: 'the0_run_bot-1_20261124T100000Z', kind: 'run' });
    expect(() => checkSpec('the0', spec, { ...HOST, ociRuntimes: [...HOST.ociRuntimes] })).not.toThrow();
  });

  it('has a launch volume of its own, found by its run, and shares the state of its schedule', () => {
    expect(spec.volumes.map(({ volume }) => volume)).toEqual([
      'the0_code_abc',
      'the0_runlaunch_bot-1_20261124T100000Z',
      'the0_state_bot-1',
    ]);
    expect(spec.volumes[1]?.labels).toEqual({
      'runtime.id': 'bot-1',
      'the0.kind': 'run-launch',
      'the0.run': 'bot-1@20261124T100000Z',
    });
  });
});
