import { existsSync, readFileSync } from 'node:fs';
import type { EngineCapabilities, EngineIdentity } from '../port.ts';
import type { InfoAnswer } from './api.ts';

/** The kernel's cgroup files of the engine's host; `undefined` where it is not this machine. */
export type HostFiles = { exists(path: string): boolean; read(path: string): string } | undefined;

export const localFiles: HostFiles = {
  exists: existsSync,
  read: (path) => readFileSync(path, 'utf8'),
};

export function toIdentity(info: InfoAnswer): EngineIdentity {
  return { id: info.ID, product: 'docker', version: info.ServerVersion };
}

export function toCapabilities(info: InfoAnswer, files: HostFiles): EngineCapabilities {
  const security = (info.SecurityOptions ?? []).map((option) => option.split(',')[0]);
  const cgroupVersion = info.CgroupVersion === '2' ? 2 : 1;
  return {
    cpus: info.NCPU ?? 1,
    cgroupVersion,
    apparmor: security.includes('name=apparmor'),
    seccomp: security.includes('name=seccomp'),
    ...blockIo(cgroupVersion, files),
    ociRuntimes: Object.keys(info.Runtimes ?? {}).sort(),
  };
}

/**
 * Docker accepts block-I/O limits that its kernel cannot apply and answers with a warning, so the kernel is asked.
 * Of a remote host nothing is known, and nothing is promised.
 */
function blockIo(
  cgroupVersion: 1 | 2,
  files: HostFiles,
): Pick<EngineCapabilities, 'blockIoWeight' | 'blockIoRates'> {
  if (files === undefined) return { blockIoWeight: false, blockIoRates: false };
  if (cgroupVersion === 1)
    return {
      blockIoWeight: files.exists('/sys/fs/cgroup/blkio/blkio.weight'),
      blockIoRates: files.exists('/sys/fs/cgroup/blkio/blkio.throttle.read_bps_device'),
    };
  const controllers = '/sys/fs/cgroup/cgroup.controllers';
  const io = files.exists(controllers) && files.read(controllers).split(/\s+/).includes('io');
  return { blockIoWeight: io, blockIoRates: io };
}
