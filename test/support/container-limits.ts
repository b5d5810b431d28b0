import type { ContainerSpec } from '../../infra/engine/port.ts';

/** Enough for a shell or a small program. */
export const SMALL_LIMITS: ContainerSpec['limits'] = {
  memoryBytes: 64 * 1024 * 1024,
  cpus: 1,
  cpuShares: 512,
  pids: 64,
  nofile: 256,
  nproc: 4096,
  shmBytes: 4 * 1024 * 1024,
};
