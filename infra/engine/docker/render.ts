import { LABEL } from '../../../model/labels.ts';
import { ownLabels } from '../labels.ts';
import { networkName } from '../names.ts';
import type { BlockIo, ContainerSpec, EngineCapabilities, TmpfsMount, VolumeMount } from '../port.ts';
import { checkSpec } from '../spec-check.ts';
import type { CreateBody, HostConfig, VolumeMountBody } from './api.ts';

const BOT_USER = 1000;
const MIB = 1024 * 1024;
/** The engine's own copy of a container's output, which the log flush reads: bounded whatever a bot prints. */
const ENGINE_LOG_FILES = 3;
const ENGINE_LOG_BYTES = 30_000_000;

/**
 * A spec as Docker's create request. Pure. Throws `SpecRefused`.
 * What the host cannot enforce is left out here, and `capabilities()` says so.
 */
export function renderCreate(
  installation: string,
  spec: ContainerSpec,
  host: EngineCapabilities,
): CreateBody {
  checkSpec(installation, spec, host);
  const [program, ...args] = spec.command;
  return {
    Image: spec.image,
    // Both are given, so that neither of the image's own comes through.
    Entrypoint: [program as string],
    Cmd: args,
    WorkingDir: spec.workingDir,
    User: `${BOT_USER}:${BOT_USER}`,
    Env: Object.entries(spec.env).map(([key, value]) => `${key}=${value}`),
    Labels: ownLabels(installation, spec.labels, { [LABEL.kind]: spec.kind }),
    StopSignal: 'SIGTERM',
    // An image's health check would run as a second program in the bot's container.
    Healthcheck: { Test: ['NONE'] },
    Tty: false,
    OpenStdin: false,
    HostConfig: {
      ...isolation(spec, host),
      ...limits(spec, host),
      ...storage(installation, spec),
      ...network(installation, spec),
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      LogConfig: engineLog(spec.limits.logBytes),
      ...(spec.ociRuntime === undefined ? {} : { Runtime: spec.ociRuntime }),
    },
  };
}

/**
 * On an internal network names are asked of nobody: the engine would ask for the container, and a name can carry a message
 * out.
 */
function network(
  installation: string,
  spec: ContainerSpec,
): Pick<HostConfig, 'NetworkMode' | 'Dns' | 'DnsOptions'> {
  if (typeof spec.network === 'object')
    return {
      NetworkMode: spec.network.internal,
      Dns: ['127.0.0.1'],
      // Who asks all the same is told soon.
      DnsOptions: ['timeout:1', 'attempts:1'],
    };
  return { NetworkMode: spec.network === 'bots' ? networkName(installation) : 'none' };
}

function isolation(
  spec: ContainerSpec,
  host: EngineCapabilities,
): Pick<HostConfig, 'ReadonlyRootfs' | 'CapDrop' | 'SecurityOpt' | 'IpcMode' | 'CgroupnsMode' | 'Init'> {
  const securityOptions = ['no-new-privileges'];
  if (spec.seccompProfile !== undefined) securityOptions.push(`seccomp=${spec.seccompProfile}`);
  if (spec.apparmorProfile !== undefined && host.apparmor)
    securityOptions.push(`apparmor=${spec.apparmorProfile}`);
  return {
    ReadonlyRootfs: spec.readOnlyRoot !== false,
    CapDrop: ['ALL'],
    SecurityOpt: securityOptions,
    IpcMode: 'private',
    // A private cgroup namespace on version 1 needs a runtime that offers it; there the engine's default stays.
    ...(host.cgroupVersion === 2 ? { CgroupnsMode: 'private' as const } : {}),
    Init: true,
  };
}

function limits(spec: ContainerSpec, host: EngineCapabilities) {
  const { memoryBytes, cpus, cpuShares, pids, nofile, nproc, shmBytes, fileBytes, blockIo } = spec.limits;
  return {
    Memory: memoryBytes,
    MemorySwap: memoryBytes,
    // Docker refuses a quota above the host's cores, where it would have no effect anyway.
    NanoCpus: Math.round(Math.min(cpus, host.cpus) * 1e9),
    CpuShares: cpuShares,
    PidsLimit: pids,
    Ulimits: [
      { Name: 'nofile', Soft: nofile, Hard: nofile },
      { Name: 'nproc', Soft: nproc, Hard: nproc },
      ...(fileBytes === undefined ? [] : [{ Name: 'fsize', Soft: fileBytes, Hard: fileBytes }]),
    ],
    ShmSize: shmBytes,
    ...(blockIo === undefined ? {} : blockIoLimits(blockIo, host)),
  };
}

function engineLog(bytes = ENGINE_LOG_BYTES): HostConfig['LogConfig'] {
  return {
    Type: 'json-file',
    Config: { 'max-size': String(Math.ceil(bytes / ENGINE_LOG_FILES)), 'max-file': String(ENGINE_LOG_FILES) },
  };
}

function blockIoLimits(blockIo: BlockIo, host: EngineCapabilities): Partial<HostConfig> {
  const { weight, readBps, writeBps, device } = blockIo;
  const rate = (bytesPerSecond: number) =>
    device === undefined ? [] : [{ Path: device, Rate: bytesPerSecond }];
  return {
    ...(weight !== undefined && host.blockIoWeight ? { BlkioWeight: weight } : {}),
    ...(readBps !== undefined && host.blockIoRates ? { BlkioDeviceReadBps: rate(readBps) } : {}),
    ...(writeBps !== undefined && host.blockIoRates ? { BlkioDeviceWriteBps: rate(writeBps) } : {}),
  };
}

function storage(installation: string, spec: ContainerSpec): Pick<HostConfig, 'Mounts' | 'Tmpfs'> {
  return {
    Mounts: spec.volumes.map((mount) => volumeMount(installation, mount)),
    Tmpfs: Object.fromEntries(spec.tmpfs.map((mount) => [mount.path, tmpfsOptions(mount)])),
  };
}

function volumeMount(installation: string, mount: VolumeMount): VolumeMountBody {
  return {
    Type: 'volume',
    Source: mount.volume,
    Target: mount.path,
    ReadOnly: mount.readOnly,
    // NoCopy: what the image has at that path stays out of a new volume.
    VolumeOptions: { NoCopy: true, Labels: ownLabels(installation, mount.labels) },
  };
}

function tmpfsOptions(mount: TmpfsMount): string {
  const mode = mount.mode.toString(8).padStart(4, '0');
  return `rw,nosuid,nodev,${mount.exec ? 'exec' : 'noexec'},size=${mount.sizeMb * MIB},mode=${mode},uid=${BOT_USER},gid=${BOT_USER}`;
}
