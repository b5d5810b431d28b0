import { readFileSync } from 'node:fs';
import type { Confinement, EngineHostFacts, MountFact, Namespace } from '../audit.ts';
import { bridgeName, networkName } from '../names.ts';
import type { CallOptions, Engine } from '../port.ts';
import type { AuditedContainer, InfoAnswer, NetworkAnswer } from './api.ts';
import type { DockerContext } from './context.ts';
import { isNoSuchContainer, plainRefusal, refusalOf } from './failures.ts';

type Audits = Pick<Engine, 'confinement' | 'hostFacts'>;

const CUSTOM_PROFILE = 'seccomp=';

/** `info`: asks the engine for its properties. */
export function auditCalls(
  context: DockerContext,
  info: (options: CallOptions) => Promise<InfoAnswer>,
): Audits {
  const { client, installation } = context;

  const confinement: Audits['confinement'] = async (id, options = {}) => {
    await context.requireOwn(id, options);
    try {
      return toConfinement(
        await client.json<AuditedContainer>({
          method: 'GET',
          path: `/containers/${id}/json`,
          doing: 'inspect a container',
          signal: options.signal,
        }),
      );
    } catch (error) {
      if (isNoSuchContainer(error)) return undefined;
      throw refusalOf(error, id);
    }
  };

  async function botNetwork(options: CallOptions): Promise<EngineHostFacts['botNetwork']> {
    const name = networkName(installation);
    const networks = await client.json<NetworkAnswer[]>({
      method: 'GET',
      path: '/networks',
      query: { filters: JSON.stringify({ name: [name] }) },
      doing: 'list networks',
      signal: options.signal,
    });
    const ranges = networks.find((network) => network.Name === name)?.IPAM?.Config;
    if (ranges === undefined || ranges === null) return undefined;
    const gateway = ranges.find((range) => range.Gateway !== undefined)?.Gateway;
    return {
      bridge: bridgeName(installation),
      subnets: ranges.flatMap(({ Subnet: subnet }) => (subnet === undefined ? [] : [subnet])),
      ...(gateway === undefined ? {} : { gateway }),
    };
  }

  const hostFacts: Audits['hostFacts'] = async (options = {}) => {
    try {
      const [answer, network] = await Promise.all([info(options), botNetwork(options)]);
      const mounts = client.endpoint.kind === 'socket' ? localMounts() : undefined;
      return { ...toHostFacts(answer, mounts), ...(network === undefined ? {} : { botNetwork: network }) };
    } catch (error) {
      throw plainRefusal(error);
    }
  };

  return { confinement, hostFacts };
}

/** Docker leaves out, or leaves empty, what is as it is by default. */
export function toConfinement(item: AuditedContainer): Confinement {
  const host = item.HostConfig;
  const options = host.SecurityOpt ?? [];
  const { AppArmorProfile: apparmor = '', ProcessLabel: selinux = '' } = item;
  return {
    name: item.Name.replace(/^\//, ''),
    user: item.Config.User ?? '',
    privileged: host.Privileged === true,
    readOnlyRoot: host.ReadonlyRootfs === true,
    capabilitiesAdded: host.CapAdd ?? [],
    capabilitiesDropped: host.CapDrop ?? [],
    noNewPrivileges: options.some((option) => /^no-new-privileges([:=]true)?$/.test(option)),
    seccomp: seccompOf(options, host.Privileged === true),
    ...(apparmor === '' || apparmor === 'unconfined' ? {} : { apparmor }),
    ...(selinux === '' ? {} : { selinux }),
    sharesWithHost: sharedNamespaces(host),
    memoryBytes: host.Memory ?? 0,
    memoryAndSwapBytes: Math.max(0, host.MemorySwap ?? 0),
    cpuShares: host.CpuShares ?? 0,
    pids: Math.max(0, host.PidsLimit ?? 0),
    ulimits: (host.Ulimits ?? []).map(({ Name }) => Name).sort(),
    mounts: mountsOf(item),
    devices: (host.Devices ?? []).map(({ PathOnHost }) => PathOnHost),
    ports: portsOf(item),
    restart: restartOf(host.RestartPolicy?.Name),
    healthCheck: isHealthCheck(item.Config.Healthcheck?.Test),
    networks: Object.keys(item.NetworkSettings?.Networks ?? {}).sort(),
    defaultNetwork: ['', 'default', 'bridge'].includes(host.NetworkMode ?? ''),
    ...(host.CgroupParent === undefined || host.CgroupParent === ''
      ? {}
      : { cgroupParent: host.CgroupParent }),
  };
}

function seccompOf(options: readonly string[], privileged: boolean): Confinement['seccomp'] {
  const given = options.find((option) => option.startsWith(CUSTOM_PROFILE));
  // A privileged container has no filter, whatever else it says.
  if (privileged || given === `${CUSTOM_PROFILE}unconfined`) return 'unconfined';
  return given === undefined ? 'default' : 'custom';
}

function sharedNamespaces(host: AuditedContainer['HostConfig']): Namespace[] {
  const modes: [Namespace, string | undefined][] = [
    ['network', host.NetworkMode],
    ['pid', host.PidMode],
    ['ipc', host.IpcMode],
    ['uts', host.UTSMode],
    ['user', host.UsernsMode],
    ['cgroup', host.CgroupnsMode],
  ];
  return modes.filter(([, mode]) => mode === 'host').map(([namespace]) => namespace);
}

function mountsOf(item: AuditedContainer): MountFact[] {
  const mounted = (item.Mounts ?? []).map((mount): MountFact => {
    const type = mount.Type === 'volume' ? 'volume' : mount.Type === 'tmpfs' ? 'tmpfs' : 'host';
    return {
      type,
      source: (type === 'volume' ? mount.Name : mount.Source) ?? '',
      path: mount.Destination,
      readOnly: mount.RW === false,
      shared: /shared/.test(mount.Propagation ?? ''),
    };
  });
  const tmpfs = Object.entries(item.HostConfig.Tmpfs ?? {}).map(([path, options]): MountFact => {
    const readOnly = options.split(',').includes('ro');
    return { type: 'tmpfs', source: '', path, readOnly, shared: false };
  });
  return [...mounted, ...tmpfs].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Of what is asked for, which also a container that does not run has. */
function portsOf({ HostConfig: { PortBindings: bindings } }: AuditedContainer): Confinement['ports'] {
  return Object.entries(bindings ?? {}).flatMap(([port, places]) =>
    (places ?? []).map(({ HostIp: address = '', HostPort: hostPort = '' }) => ({
      address,
      hostPort: Number(hostPort),
      port: Number.parseInt(port, 10),
    })),
  );
}

function restartOf(name: string | undefined): Confinement['restart'] {
  return name === 'always' || name === 'unless-stopped' || name === 'on-failure' ? name : 'no';
}

const isHealthCheck = (test: readonly string[] | null | undefined): boolean =>
  test !== undefined && test !== null && test.length > 0 && test[0] !== 'NONE';

/** `mounts`: the text of this machine's mountinfo, where the engine is here. */
export function toHostFacts(info: InfoAnswer, mounts: string | undefined): EngineHostFacts {
  const security = (info.SecurityOptions ?? []).map((option) => option.split(',')[0]);
  const { DockerRootDir: folder } = info;
  const here = mounts !== undefined && folder !== undefined && mounts !== '';
  return {
    kernel: info.KernelVersion ?? '',
    memoryBytes: info.MemTotal ?? 0,
    storageDriver: info.Driver ?? '',
    ...(here ? { folder } : {}),
    limitsVolumes: here && hasProjectQuota(mounts, folder),
    selinux: security.includes('name=selinux'),
    userNamespaces: security.includes('name=userns'),
    rootless: security.includes('name=rootless'),
    clustered: info.Swarm?.LocalNodeState === 'active',
  };
}

/** Whether the file system that holds a folder counts by project: XFS and ext4 do, where they were mounted so. */
function hasProjectQuota(mountinfo: string, folder: string): boolean {
  let best: { path: string; options: string } | undefined;
  for (const line of mountinfo.split('\n')) {
    const [, , , , path = '', ...rest] = line.split(' ');
    const holds = path === '/' || folder === path || folder.startsWith(`${path}/`);
    // Of two at one place the later one is on top.
    if (path !== '' && holds && path.length >= (best?.path.length ?? 0))
      best = { path, options: rest.join(' ') };
  }
  return /[ ,](pquota|prjquota)\b/.test(best?.options ?? '');
}

function localMounts(): string | undefined {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return undefined;
  }
}
