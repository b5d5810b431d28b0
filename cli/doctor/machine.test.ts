import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import type { EngineHostFacts } from '../../infra/engine/audit.ts';
import { engineHostChecks } from './capabilities.ts';
import type { Check } from './check.ts';
import { clockChecks, httpTime, skewAgainst } from './clock.ts';
import { limitChecks } from './limits.ts';
import type { MachineFacts } from './machine.ts';
import { permissionChecks } from './permissions.ts';

const GB = 2 ** 30;
const engine: EngineHostFacts = {
  kernel: '6.1',
  memoryBytes: 64 * GB,
  storageDriver: 'overlay2',
  folder: '/var/lib/docker',
  limitsVolumes: true,
  selinux: false,
  userNamespaces: false,
  rootless: false,
  clustered: false,
  botNetwork: { bridge: 'the0-1', subnets: ['172.18.0.0/16'] },
};
const large: MachineFacts = {
  kernel: {
    openFiles: 2_000_000,
    processes: 4_194_304,
    threads: 1_000_000,
    inotifyInstances: 8192,
    neighbours: 8192,
  },
  ownOpenFiles: 65_536,
  engineOpenFiles: Infinity,
  engine,
  engineDisk: { folder: '/var/lib/docker', freeBytes: 200 * GB, freeFiles: 10_000_000 },
  temporary: { folder: '/tmp', writable: true, freeBytes: 10 * GB },
  data: { folder: '/x/.data', writable: true },
  socket: { path: '/var/run/docker.sock', mode: 0o660, usable: true },
  openSecrets: [],
  seccompProblem: undefined,
};
const settings = loadSettings({});
const statuses = (checks: readonly Check[]) =>
  Object.fromEntries(checks.map(({ name, status }) => [name, status]));
const troubled = (checks: readonly Check[]) =>
  checks.filter(({ status }) => status !== 'ok').map(({ name }) => name);
const kernel = (changed: Partial<MachineFacts['kernel']>): MachineFacts => ({
  ...large,
  kernel: { ...large.kernel, ...changed },
});

describe('limits for 1,000 containers', () => {
  const judge = (changed: Partial<MachineFacts>) => troubled(limitChecks({ ...large, ...changed }, settings));

  it('are enough on a large machine, and nothing is said of what cannot be seen', () => {
    expect(judge({})).toEqual([]);
    const nothing = { openFiles: undefined, processes: undefined, threads: undefined };
    const blind: MachineFacts = {
      ...kernel({ ...nothing, inotifyInstances: undefined, neighbours: undefined }),
      ownOpenFiles: undefined,
      engineOpenFiles: undefined,
      engineDisk: undefined,
    };
    expect(troubled(limitChecks(blind, settings))).toEqual([]);
  });

  it.each<[string, Partial<MachineFacts>]>([
    ['open files', kernel({ openFiles: 50_000 })],
    ['open files', { engineOpenFiles: 1024 }],
    ['open files', { ownOpenFiles: 1024 }],
    ['processes', kernel({ processes: 32_768 })],
    ['processes', kernel({ threads: 15_000 })],
    ['inotify', kernel({ inotifyInstances: 128 })],
    ['neighbour table', kernel({ neighbours: 1024 })],
    ['disk', { engineDisk: { folder: '/d', freeBytes: 10 * GB, freeFiles: 10_000_000 } }],
    ['disk', { engineDisk: { folder: '/d', freeBytes: 200 * GB, freeFiles: 10_000 } }],
    ['addresses', { engine: { ...engine, botNetwork: { bridge: 'b', subnets: ['10.1.0.0/24'] } } }],
    ['addresses', { engine: undefined }],
  ])('warn of too few: %s', (name, changed) => {
    expect(judge(changed)).toEqual([name]);
  });

  it('know that a bridge has 1,023 ports, however many addresses there are', () => {
    const check = limitChecks(large, settings).find(({ name }) => name === 'addresses');
    expect(check?.detail).toBe('172.18.0.0/16 on the0-1: room for 1023 containers');
  });

  it('tell modest bots from those that take all they may', () => {
    const detail = (processes: number) =>
      limitChecks(kernel({ processes }), settings).find(({ name }) => name === 'processes')?.detail;
    expect(detail(32_768)).toMatch(/122 bots that go to BOT_PIDS_LIMIT=256 take all there are/);
    expect(detail(10_000)).toMatch(/enough for 500 bots of 8 threads/);
  });
});

describe('permissions', () => {
  const judge = (changed: Partial<MachineFacts>) => {
    const checks = permissionChecks({ ...large, ...changed }, settings);
    return Object.entries(statuses(checks)).filter(([, status]) => status !== 'ok');
  };

  it('warn of a socket that everybody may use, and call one that we may not bad', () => {
    const socket = { path: '/s', mode: 0o660, usable: true };
    expect(judge({})).toEqual([]);
    expect(judge({ socket: undefined })).toEqual([]);
    expect(judge({ socket: { ...socket, mode: 0o666 } })).toEqual([['engine socket', 'warn']]);
    expect(judge({ socket: { ...socket, usable: false } })).toEqual([['engine socket', 'bad']]);
  });

  it('want a place for archives, and secrets that only their owner reads', () => {
    expect(judge({ temporary: { folder: '/t', writable: false, freeBytes: undefined } })).toEqual([
      ['temporary folder', 'bad'],
    ]);
    expect(judge({ temporary: { folder: '/t', writable: true, freeBytes: 1 } })).toEqual([
      ['temporary folder', 'warn'],
    ]);
    expect(judge({ data: { folder: '/d', writable: false } })).toEqual([['data folder', 'warn']]);
    expect(judge({ openSecrets: ['/run/key'] })).toEqual([['secret files', 'warn']]);
    expect(judge({ seccompProblem: 'no such file' })).toEqual([['seccomp profile', 'bad']]);
  });
});

describe('clocks', () => {
  it('are compared with each server that tells its time, S3 less strictly', () => {
    expect(clockChecks({ mongo: undefined, redis: undefined, s3: undefined })).toEqual([]);
    expect(statuses(clockChecks({ mongo: 0.4, redis: -499, s3: 29_000 }))).toEqual({
      'clock against MongoDB': 'ok',
      'clock against Redis': 'ok',
      'clock against S3': 'ok',
    });
    const off = clockChecks({ mongo: -501, redis: 3_600_000, s3: -31_000 });
    expect(off.map(({ status }) => status)).toEqual(['warn', 'warn', 'warn']);
    expect(off[0]?.detail).toMatch(/501 ms behind: schedules follow its time/);
    expect(off[1]?.detail).toMatch(/3600\.0 s ahead/);
  });

  it('are left out where a server does not tell', async () => {
    expect(await skewAgainst(() => Promise.reject(new Error('no')))).toBeUndefined();
    expect(await skewAgainst(() => Promise.resolve(Date.now() - 5_000))).toBeCloseTo(5_000, -2);
    const closed = httpTime('http://127.0.0.1:1/', new AbortController().signal);
    await expect(closed()).rejects.toThrow();
  });
});

describe('the engine’s host', () => {
  it('says what stands in for a storage quota', () => {
    expect(statuses(engineHostChecks(engine, settings))).toMatchObject({ 'storage quota': 'ok' });
    const [, quota] = engineHostChecks({ ...engine, limitsVolumes: false }, settings);
    expect(quota).toMatchObject({ status: 'warn' });
    expect(quota?.detail).toMatch(/measured every 10 s.*MAX_STATE_SIZE_MB=8192/);
  });
});
