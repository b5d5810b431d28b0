import type { ContainerSpec, EngineCapabilities } from '../port.ts';

export const INSTALLATION = 'the0';
/** A host that can do everything. */
export const host: EngineCapabilities = {
  cpus: 4,
  cgroupVersion: 2,
  apparmor: true,
  seccomp: true,
  blockIoWeight: true,
  blockIoRates: true,
  ociRuntimes: ['runc', 'runsc'],
};

/** A bot with every field that a renderer has to care for. */
export const spec: ContainerSpec = {
  name: 'the0_bot_1',
  kind: 'bot',
  image: `sha256:${'a'.repeat(64)}`,
  command: ['python3', '-u', 'main.py'],
  workingDir: '/bot',
  env: { BOT_ID: '1', EMPTY: '' },
  labels: { 'runtime.id': '1', 'the0.installation': 'somebody-else' },
  limits: {
    memoryBytes: 512 * 1024 * 1024,
    cpus: 0.5,
    cpuShares: 512,
    pids: 256,
    nofile: 4096,
    nproc: 65_536,
    shmBytes: 16 * 1024 * 1024,
    blockIo: { weight: 200, readBps: 1_000_000, device: '/dev/sda' },
  },
  volumes: [{ volume: 'the0_state_1', path: '/state', readOnly: false, labels: { purpose: 'state' } }],
  tmpfs: [{ path: '/tmp', sizeMb: 64, exec: false, mode: 0o1777 }],
  network: 'bots',
};
