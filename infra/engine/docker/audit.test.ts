import { describe, expect, it } from 'vitest';
import type { AuditedContainer } from './api.ts';
import { toConfinement, toHostFacts } from './audit.ts';

const bare: AuditedContainer = { Name: '/x', Config: {}, HostConfig: {} };
const info = { ID: 'x', ServerVersion: '20', DockerRootDir: '/var/lib/docker' };

describe('what Docker tells of a container', () => {
  it('means nothing good where it leaves something out', () => {
    expect(toConfinement(bare)).toEqual({
      name: 'x',
      user: '',
      privileged: false,
      readOnlyRoot: false,
      capabilitiesAdded: [],
      capabilitiesDropped: [],
      noNewPrivileges: false,
      seccomp: 'default',
      sharesWithHost: [],
      memoryBytes: 0,
      memoryAndSwapBytes: 0,
      cpuShares: 0,
      pids: 0,
      ulimits: [],
      mounts: [],
      devices: [],
      ports: [],
      restart: 'no',
      healthCheck: false,
      networks: [],
      defaultNetwork: true,
    });
  });

  it('shows everything that opens a container, however it is written', () => {
    const open = toConfinement({
      Name: '/open',
      AppArmorProfile: 'unconfined',
      Config: { User: 'root', Healthcheck: { Test: ['CMD', 'true'] } },
      HostConfig: {
        CapAdd: ['SYS_ADMIN'],
        SecurityOpt: ['seccomp=unconfined', 'no-new-privileges:false'],
        NetworkMode: 'host',
        PidMode: 'host',
        IpcMode: 'host',
        UTSMode: 'host',
        UsernsMode: 'host',
        CgroupnsMode: 'host',
        MemorySwap: -1,
        PidsLimit: -1,
        Devices: [{ PathOnHost: '/dev/sda' }],
        PortBindings: { '22/tcp': [{ HostIp: '0.0.0.0', HostPort: '2222' }], '53/udp': null },
        RestartPolicy: { Name: 'always' },
        CgroupParent: '/mine',
        Tmpfs: { '/t': 'ro,size=1' },
      },
      Mounts: [
        { Type: 'bind', Source: '/var/run/docker.sock', Destination: '/s', RW: true, Propagation: 'rshared' },
        { Type: 'volume', Name: 'v', Source: '/var/lib/v', Destination: '/a', RW: false, Propagation: '' },
      ],
    });
    expect(open).toMatchObject({
      user: 'root',
      capabilitiesAdded: ['SYS_ADMIN'],
      noNewPrivileges: false,
      seccomp: 'unconfined',
      sharesWithHost: ['network', 'pid', 'ipc', 'uts', 'user', 'cgroup'],
      memoryAndSwapBytes: 0,
      pids: 0,
      devices: ['/dev/sda'],
      ports: [{ address: '0.0.0.0', hostPort: 2222, port: 22 }],
      restart: 'always',
      healthCheck: true,
      defaultNetwork: false,
      cgroupParent: '/mine',
    });
    expect(open.apparmor).toBeUndefined();
    expect(open.mounts).toEqual([
      { type: 'volume', source: 'v', path: '/a', readOnly: true, shared: false },
      { type: 'host', source: '/var/run/docker.sock', path: '/s', readOnly: false, shared: true },
      { type: 'tmpfs', source: '', path: '/t', readOnly: true, shared: false },
    ]);
  });

  it('has no system call filter in a privileged container, whatever it says', () => {
    const HostConfig = { Privileged: true, SecurityOpt: ['seccomp={}', 'no-new-privileges'] };
    expect(toConfinement({ ...bare, HostConfig })).toMatchObject({
      privileged: true,
      seccomp: 'unconfined',
      noNewPrivileges: true,
    });
    expect(toConfinement({ ...bare, HostConfig: { SecurityOpt: ['seccomp={}'] } }).seccomp).toBe('custom');
    expect(toConfinement({ ...bare, AppArmorProfile: 'docker-default' }).apparmor).toBe('docker-default');
  });
});

describe('what Docker tells of its host', () => {
  const line = (path: string, options: string) => `36 35 98:0 / ${path} rw,noatime - xfs /dev/x ${options}`;

  it('promises nothing of one that is elsewhere', () => {
    const facts = toHostFacts(info, undefined);
    expect(facts.folder).toBeUndefined();
    expect(facts).toMatchObject({ limitsVolumes: false, userNamespaces: false, clustered: false });
  });

  it('knows a quota by the mount that holds its folder, and by no other', () => {
    const limits = (...lines: string[]) => toHostFacts(info, lines.join('\n')).limitsVolumes;
    expect(limits(line('/', 'rw,prjquota'))).toBe(true);
    expect(limits(line('/', 'rw,prjquota'), line('/var/lib/docker', 'rw'))).toBe(false);
    expect(limits(line('/', 'rw'), line('/var/lib', 'rw,pquota'), line('/var/lib/dockers', 'rw'))).toBe(true);
    expect(limits(line('/', 'rw,noquota'))).toBe(false);
    expect(toHostFacts(info, line('/', 'rw')).folder).toBe('/var/lib/docker');
  });

  it('reads what guards it', () => {
    const SecurityOptions = ['name=seccomp,profile=default', 'name=userns', 'name=rootless', 'name=selinux'];
    expect(toHostFacts({ ...info, SecurityOptions, Swarm: { LocalNodeState: 'active' } }, '')).toMatchObject({
      selinux: true,
      userNamespaces: true,
      rootless: true,
      clustered: true,
    });
  });
});
