import { describe, expect, it } from 'vitest';
import { SpecRefused } from '../errors.ts';
import type { ContainerSpec } from '../port.ts';
import { host, INSTALLATION, spec } from './render.fixtures.ts';
import { renderCreate } from './render.ts';

describe('renderCreate', () => {
  it('renders every default of a bot', () => {
    expect(renderCreate(INSTALLATION, spec, host)).toEqual({
      Image: spec.image,
      Entrypoint: ['python3'],
      Cmd: ['-u', 'main.py'],
      WorkingDir: '/bot',
      User: '1000:1000',
      Env: ['BOT_ID=1', 'EMPTY='],
      Labels: { 'runtime.id': '1', 'the0.installation': 'the0', 'the0.kind': 'bot' },
      StopSignal: 'SIGTERM',
      Healthcheck: { Test: ['NONE'] },
      Tty: false,
      OpenStdin: false,
      HostConfig: {
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        IpcMode: 'private',
        CgroupnsMode: 'private',
        Init: true,
        Memory: 536_870_912,
        MemorySwap: 536_870_912,
        NanoCpus: 500_000_000,
        CpuShares: 512,
        PidsLimit: 256,
        Ulimits: [
          { Name: 'nofile', Soft: 4096, Hard: 4096 },
          { Name: 'nproc', Soft: 65_536, Hard: 65_536 },
        ],
        ShmSize: 16_777_216,
        BlkioWeight: 200,
        BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: 1_000_000 }],
        Mounts: [
          {
            Type: 'volume',
            Source: 'the0_state_1',
            Target: '/state',
            ReadOnly: false,
            VolumeOptions: { NoCopy: true, Labels: { purpose: 'state', 'the0.installation': 'the0' } },
          },
        ],
        Tmpfs: { '/tmp': 'rw,nosuid,nodev,noexec,size=67108864,mode=1777,uid=1000,gid=1000' },
        NetworkMode: 'the0_bots',
        RestartPolicy: { Name: 'no' },
        AutoRemove: false,
        LogConfig: { Type: 'json-file', Config: { 'max-size': '10000000', 'max-file': '3' } },
      },
    });
  });

  it('limits files where that is asked for', () => {
    const { HostConfig } = renderCreate(
      INSTALLATION,
      { ...spec, limits: { ...spec.limits, fileBytes: 2 ** 32 } },
      host,
    );
    expect(HostConfig.Ulimits).toContainEqual({ Name: 'fsize', Soft: 2 ** 32, Hard: 2 ** 32 });
  });

  it('leaves out what the host cannot enforce', () => {
    const poor = {
      ...host,
      cgroupVersion: 1,
      apparmor: false,
      blockIoWeight: false,
      blockIoRates: false,
    } as const;
    const { HostConfig } = renderCreate(INSTALLATION, { ...spec, apparmorProfile: 'bots' }, poor);
    expect(HostConfig).not.toHaveProperty('CgroupnsMode');
    expect(HostConfig).not.toHaveProperty('BlkioWeight');
    expect(HostConfig).not.toHaveProperty('BlkioDeviceReadBps');
    expect(HostConfig.SecurityOpt).toEqual(['no-new-privileges']);
  });

  it('renders the optional profiles and runtime, and asks for no more cores than there are', () => {
    const seccompProfile = JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [] });
    const limits = { ...spec.limits, cpus: 64 };
    const { HostConfig } = renderCreate(
      INSTALLATION,
      {
        ...spec,
        limits,
        seccompProfile,
        apparmorProfile: 'bots',
        ociRuntime: 'runsc',
        network: 'none',
        readOnlyRoot: false,
      },
      host,
    );
    expect(HostConfig.SecurityOpt).toEqual([
      'no-new-privileges',
      `seccomp=${seccompProfile}`,
      'apparmor=bots',
    ]);
    expect(HostConfig).toMatchObject({
      Runtime: 'runsc',
      NetworkMode: 'none',
      ReadonlyRootfs: false,
      NanoCpus: 4e9,
    });
  });

  it('puts a container on an internal network, where nobody tells it names', () => {
    const on = (network: ContainerSpec['network']) =>
      renderCreate(INSTALLATION, { ...spec, network }, host).HostConfig;
    expect(on({ internal: `${INSTALLATION}_queries` })).toMatchObject({
      NetworkMode: `${INSTALLATION}_queries`,
      Dns: ['127.0.0.1'],
    });
    expect(on('bots')).not.toHaveProperty('Dns');
    for (const internal of ['host', 'other_queries', 'container:1', ''])
      expect(() => on({ internal }), internal).toThrow(SpecRefused);
  });

  it('bounds the engine’s own log files, in three parts', () => {
    const limits = { ...spec.limits, logBytes: 3_000_001 };
    const { HostConfig } = renderCreate(INSTALLATION, { ...spec, limits }, host);
    expect(HostConfig.LogConfig).toEqual({
      Type: 'json-file',
      Config: { 'max-size': '1000001', 'max-file': '3' },
    });
    const none = { ...spec, limits: { ...spec.limits, logBytes: 0 } };
    expect(() => renderCreate(INSTALLATION, none, host)).toThrow(/logBytes/);
  });

  it('never shows a variable’s value when it refuses one', () => {
    const env = { KEY: 'sk-secret\0' };
    expect(() => renderCreate(INSTALLATION, { ...spec, env }, host)).toThrow(SpecRefused);
    expect(() => renderCreate(INSTALLATION, { ...spec, env }, host)).not.toThrow(/sk-secret/);
  });
});
