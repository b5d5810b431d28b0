import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SpecRefused } from '../errors.ts';
import type { ContainerSpec } from '../port.ts';
import { host, INSTALLATION, spec } from './render.fixtures.ts';
import { renderCreate } from './render.ts';

/** Words that would widen what a container may do, wherever a careless renderer might put them. */
const HOSTILE = [
  '/',
  '/etc',
  '/var/run/docker.sock',
  '..',
  '/../etc',
  '/a/../../etc',
  '/x,ro',
  '/x:/y',
  '/proc/1',
  '/dev/mem',
  '/sys',
  'host',
  'container:1',
  'unconfined',
  'seccomp=unconfined',
  'apparmor=unconfined',
  'the0',
  'the0_',
  'the0_a/../../etc',
  'the0_state_1',
  'other-state-1',
  'the0_x,type=bind,source=/',
  '/state',
  '/tmp',
  '/tmp,exec',
  'privileged',
  '--privileged',
  '__proto__',
  'constructor',
  'Binds',
  '\0',
  'a=b',
  '',
  ' ',
  '\n',
  '{}',
  '{"defaultAction":"SCMP_ACT_ALLOW"}',
  'python:3.11-slim',
  'runc',
  'runsc',
  'the0_bot_1:latest',
  '/state/../..',
  '//',
  '/./',
  '/dev/sda',
  '/dev/../etc/passwd',
];
const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...HOSTILE) },
  { weight: 1, arbitrary: fc.string({ maxLength: 24 }) },
);
const amount = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -1, Number.NaN, Infinity, 1e18, 1, 64, 512, 8 << 20),
);
const orGood = <T>(good: T, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(good) }, { weight: 1, arbitrary });

const volume = fc.record({
  volume: orGood('the0_state_1', text),
  path: fc.oneof(fc.constantFrom('/state', '/bot', '/code'), text),
  readOnly: fc.boolean(),
  labels: fc.dictionary(text, text, { maxKeys: 2 }),
});
const tmpfs = fc.record({
  path: fc.oneof(fc.constantFrom('/tmp', '/run'), text),
  sizeMb: orGood(8, amount),
  exec: fc.boolean(),
  mode: orGood(0o755, amount),
});
const hostileSpec: fc.Arbitrary<ContainerSpec> = fc.record(
  {
    name: orGood('the0_bot_1', text),
    kind: fc.constantFrom('bot' as const, 'helper' as const, 'probe' as const),
    image: orGood(spec.image, text),
    command: orGood<readonly string[]>(['sh'], fc.array(text, { maxLength: 3 })),
    workingDir: orGood('/bot', text),
    env: orGood<Record<string, string>>({}, fc.dictionary(text, text, { maxKeys: 3 })),
    labels: orGood<Record<string, string>>({}, fc.dictionary(text, text, { maxKeys: 3 })),
    limits: orGood(
      spec.limits,
      fc.record({
        memoryBytes: orGood(8 << 20, amount),
        cpus: orGood(1, amount),
        cpuShares: orGood(2, amount),
        pids: orGood(2, amount),
        nofile: orGood(2, amount),
        nproc: orGood(2, amount),
        shmBytes: orGood(2, amount),
        fileBytes: orGood(2 << 20, amount),
        blockIo: fc.record(
          { weight: orGood(10, amount), readBps: orGood(1, amount), device: orGood('/dev/sda', text) },
          { requiredKeys: [] },
        ),
      }),
    ),
    volumes: fc.array(volume, { maxLength: 2 }),
    tmpfs: fc.array(tmpfs, { maxLength: 2 }),
    network: fc.oneof(
      fc.constantFrom('bots' as const, 'none' as const),
      fc.record({ internal: orGood('the0_queries', text) }),
    ),
    readOnlyRoot: fc.boolean(),
    ociRuntime: orGood('runsc', text),
    seccompProfile: orGood('{"defaultAction":"SCMP_ACT_ERRNO"}', text),
    apparmorProfile: orGood('bots', text),
  },
  {
    requiredKeys: [
      'name',
      'kind',
      'image',
      'command',
      'workingDir',
      'env',
      'labels',
      'limits',
      'volumes',
      'tmpfs',
      'network',
    ],
  },
);

const REQUEST_FIELDS = [
  'Image',
  'Entrypoint',
  'Cmd',
  'WorkingDir',
  'User',
  'Env',
  'Labels',
  'StopSignal',
  'Healthcheck',
  'Tty',
  'OpenStdin',
  'HostConfig',
];
// What is absent matters most: Privileged, Binds, CapAdd, Devices, PidMode, UTSMode, UsernsMode, PortBindings,
// PublishAllPorts, ExtraHosts, VolumesFrom, CgroupParent, Sysctls, GroupAdd, Links and whatever Docker adds one day.
const HOST_FIELDS = [
  'ReadonlyRootfs',
  'CapDrop',
  'SecurityOpt',
  'IpcMode',
  'CgroupnsMode',
  'Init',
  'Memory',
  'MemorySwap',
  'NanoCpus',
  'CpuShares',
  'PidsLimit',
  'Ulimits',
  'ShmSize',
  'BlkioWeight',
  'BlkioDeviceReadBps',
  'BlkioDeviceWriteBps',
  'Mounts',
  'Tmpfs',
  'NetworkMode',
  'Dns',
  'DnsOptions',
  'RestartPolicy',
  'AutoRemove',
  'LogConfig',
  'Runtime',
];

describe('10,000 hostile specs', () => {
  it('are refused by name, or rendered within what is allowed', () => {
    let rendered = 0;
    fc.assert(
      fc.property(hostileSpec, (hostile) => {
        let body;
        try {
          body = renderCreate(INSTALLATION, hostile, host);
        } catch (error) {
          expect(error).toBeInstanceOf(SpecRefused);
          return;
        }
        rendered++;
        const { HostConfig } = body;
        expect(REQUEST_FIELDS).toEqual(expect.arrayContaining(Object.keys(body)));
        expect(HOST_FIELDS).toEqual(expect.arrayContaining(Object.keys(HostConfig)));
        expect(body.User).toBe('1000:1000');
        expect(HostConfig.CapDrop).toEqual(['ALL']);
        expect(HostConfig.SecurityOpt[0]).toBe('no-new-privileges');
        for (const option of HostConfig.SecurityOpt) expect(option).not.toMatch(/unconfined/i);
        expect(HostConfig.NetworkMode).toMatch(/^(none|the0_[a-zA-Z0-9_.-]*)$/);
        expect(HostConfig.IpcMode).toBe('private');
        expect(HostConfig.RestartPolicy).toEqual({ Name: 'no' });
        expect(HostConfig.Memory).toBe(HostConfig.MemorySwap);
        expect(body.Labels['the0.installation']).toBe(INSTALLATION);
        expect(body.Labels['the0.kind']).toBe(hostile.kind);
        for (const mount of HostConfig.Mounts) {
          expect(Object.keys(mount).sort()).toEqual([
            'ReadOnly',
            'Source',
            'Target',
            'Type',
            'VolumeOptions',
          ]);
          expect(mount.Type).toBe('volume');
          expect(mount.Source).toMatch(/^the0_[a-zA-Z0-9_.-]*$/);
          expect(Object.keys(mount.VolumeOptions).sort()).toEqual(['Labels', 'NoCopy']);
          expect(mount.VolumeOptions.Labels['the0.installation']).toBe(INSTALLATION);
        }
        for (const path of [
          ...HostConfig.Mounts.map((mount) => mount.Target),
          ...Object.keys(HostConfig.Tmpfs),
        ]) {
          expect(path).toMatch(/^\/[^,:\0\\]+$/);
          expect(path.split('/')).not.toContain('..');
          expect(path).not.toMatch(/^\/(proc|sys|dev)(\/|$)/);
        }
        for (const options of Object.values(HostConfig.Tmpfs))
          expect(options).toMatch(
            /^rw,nosuid,nodev,(no)?exec,size=[1-9]\d*,mode=[01][0-7]{3},uid=1000,gid=1000$/,
          );
        for (const entry of body.Env) expect(entry).toMatch(/^[^=\0]+=[^\0]*$/);
        for (const number of [
          HostConfig.Memory,
          HostConfig.NanoCpus,
          HostConfig.PidsLimit,
          HostConfig.ShmSize,
        ])
          expect(Number.isSafeInteger(number) && number > 0).toBe(true);
        expect(HostConfig.NanoCpus).toBeLessThanOrEqual(host.cpus * 1e9);
      }),
      { numRuns: 10_000 },
    );
    // A renderer that refuses everything would pass as well.
    expect(rendered).toBeGreaterThan(500);
  });
});
