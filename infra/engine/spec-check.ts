import { SpecRefused } from './errors.ts';
import { requireOwnName } from './names.ts';
import type { BlockIo, ContainerLimits, ContainerSpec, EngineCapabilities } from './port.ts';

const PINNED_IMAGE = /^([a-zA-Z0-9][a-zA-Z0-9._:/-]*@)?sha256:[0-9a-f]{64}$/;
const APPARMOR_PROFILE = /^[a-zA-Z0-9][a-zA-Z0-9._/-]*$/;
const BLOCK_DEVICE = /^\/dev\/[a-zA-Z0-9][a-zA-Z0-9_-]*(\/[a-zA-Z0-9][a-zA-Z0-9_.-]*)*$/;
const SMALLEST_MEMORY = 6 * 1024 * 1024;
/** What the launchers write. */
const SMALLEST_FILE = 1024 * 1024;
/** A few of the longest entries. */
const SMALLEST_LOG = 96 * 1024;
/** One tebibyte. */
const LARGEST_TMPFS_MB = 1_048_576;
/** Mounting over these would hide what the engine masks or provides itself. */
const KERNEL_PATHS = ['/proc', '/sys', '/dev'];

/**
 * What every engine checks before it renders a spec. The type already rules out privileges and host mounts; this
 * rules out what a string could smuggle in: foreign volumes, paths with `..`, options after a comma, `unconfined`.
 * Throws `SpecRefused` with the field's name. Values of the environment never reach a message.
 */
export function checkSpec(installation: string, spec: ContainerSpec, host: EngineCapabilities): void {
  requireOwnName('name', installation, spec.name);
  if (!PINNED_IMAGE.test(spec.image))
    throw new SpecRefused(
      'image',
      spec.image,
      'resolve it first: an image id or a digest is expected, not a tag',
    );
  if (spec.command.length === 0 || spec.command[0] === '')
    throw new SpecRefused('command', '', 'name the program to run');
  for (const argument of spec.command) requireNoNul('command', argument);
  requirePath('workingDir', spec.workingDir);
  checkEnvironment(spec.env);
  for (const [key, value] of Object.entries(spec.labels)) {
    if (key === '' || key.includes('='))
      throw new SpecRefused('labels', key, 'a label needs a name without "="');
    requireNoNul('labels', key);
    requireNoNul(`labels.${key}`, value);
  }
  checkLimits(spec.limits);
  checkMounts(installation, spec);
  if (typeof spec.network === 'object') requireOwnName('network', installation, spec.network.internal);
  checkProfiles(spec, host);
}

function checkEnvironment(env: ContainerSpec['env']): void {
  for (const [key, value] of Object.entries(env)) {
    if (key === '' || key.includes('=') || key.includes('\0'))
      throw new SpecRefused('env', key, 'a variable needs a name without "=" and NUL');
    if (value.includes('\0')) throw new SpecRefused(`env.${key}`, '(hidden)', 'a variable cannot hold a NUL');
  }
}

function checkLimits(limits: ContainerLimits): void {
  requireWhole('limits.memoryBytes', limits.memoryBytes, SMALLEST_MEMORY);
  if (!Number.isFinite(limits.cpus) || limits.cpus < 0.01)
    throw new SpecRefused('limits.cpus', limits.cpus, 'at least 0.01 cores are needed');
  requireWhole('limits.cpuShares', limits.cpuShares, 2);
  requireWhole('limits.pids', limits.pids, 1);
  requireWhole('limits.nofile', limits.nofile, 1);
  requireWhole('limits.nproc', limits.nproc, 1);
  requireWhole('limits.shmBytes', limits.shmBytes, 1);
  if (limits.fileBytes !== undefined) requireWhole('limits.fileBytes', limits.fileBytes, SMALLEST_FILE);
  if (limits.logBytes !== undefined) requireWhole('limits.logBytes', limits.logBytes, SMALLEST_LOG);
  if (limits.blockIo !== undefined) checkBlockIo(limits.blockIo);
}

function checkBlockIo(blockIo: BlockIo): void {
  const { weight, readBps, writeBps, device } = blockIo;
  if (weight !== undefined && (!Number.isInteger(weight) || weight < 10 || weight > 1000))
    throw new SpecRefused('limits.blockIo.weight', weight, 'expected a whole number from 10 to 1000');
  if (readBps !== undefined) requireWhole('limits.blockIo.readBps', readBps, 1);
  if (writeBps !== undefined) requireWhole('limits.blockIo.writeBps', writeBps, 1);
  if (device !== undefined && !BLOCK_DEVICE.test(device))
    throw new SpecRefused('limits.blockIo.device', device, 'expected a block device such as /dev/sda');
  if ((readBps !== undefined || writeBps !== undefined) && device === undefined)
    throw new SpecRefused('limits.blockIo.device', device, 'rates need the block device that they apply to');
}

function checkMounts(installation: string, spec: ContainerSpec): void {
  const taken = new Set<string>();
  const place = (field: string, path: string) => {
    requireMountPath(field, path);
    if (taken.has(path)) throw new SpecRefused(field, path, 'something else is mounted there already');
    taken.add(path);
  };
  for (const mount of spec.volumes) {
    requireOwnName('volumes.volume', installation, mount.volume);
    place('volumes.path', mount.path);
  }
  for (const mount of spec.tmpfs) {
    place('tmpfs.path', mount.path);
    requireWhole('tmpfs.sizeMb', mount.sizeMb, 1, LARGEST_TMPFS_MB);
    if (!Number.isInteger(mount.mode) || mount.mode < 0 || mount.mode > 0o1777)
      throw new SpecRefused('tmpfs.mode', mount.mode, 'expected permission bits up to 0o1777');
  }
}

function checkProfiles(spec: ContainerSpec, host: EngineCapabilities): void {
  if (spec.apparmorProfile !== undefined) {
    if (!APPARMOR_PROFILE.test(spec.apparmorProfile) || spec.apparmorProfile.toLowerCase() === 'unconfined')
      throw new SpecRefused(
        'apparmorProfile',
        spec.apparmorProfile,
        'name a loaded profile; unconfined is not one',
      );
  }
  if (spec.ociRuntime !== undefined && !host.ociRuntimes.includes(spec.ociRuntime))
    throw new SpecRefused(
      'ociRuntime',
      spec.ociRuntime,
      `the engine has ${host.ociRuntimes.join(', ')}: register it there, or unset it`,
    );
  if (spec.seccompProfile !== undefined) checkSeccompProfile(spec.seccompProfile);
}

function checkSeccompProfile(text: string): void {
  let profile: unknown;
  try {
    profile = JSON.parse(text);
  } catch {
    throw new SpecRefused('seccompProfile', text, 'expected the JSON text of a seccomp profile');
  }
  const { defaultAction, syscalls } = (profile ?? {}) as { defaultAction?: unknown; syscalls?: unknown };
  if (typeof defaultAction !== 'string')
    throw new SpecRefused('seccompProfile', text, 'a seccomp profile has a "defaultAction"');
  const filters = Array.isArray(syscalls) && syscalls.length > 0;
  if (defaultAction === 'SCMP_ACT_ALLOW' && !filters)
    throw new SpecRefused('seccompProfile', text, 'a profile that allows everything is no profile');
}

function requireWhole(field: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new SpecRefused(field, value, `expected a whole number from ${least} to ${most}`);
}

function requireNoNul(field: string, value: string): void {
  if (value.includes('\0')) throw new SpecRefused(field, value, 'a NUL cannot be passed on');
}

/** Absolute, without empty, `.` and `..` segments. */
export function requirePath(field: string, path: string): void {
  const segments = path.split('/').slice(1);
  const plain =
    path === '/' || segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  if (!path.startsWith('/') || !plain || path.includes('\0'))
    throw new SpecRefused(field, path, 'expected an absolute path without "..", "." and "//"');
}

function requireMountPath(field: string, path: string): void {
  requirePath(field, path);
  if (/[,:\s\\]/.test(path))
    throw new SpecRefused(field, path, 'commas, colons, backslashes and blanks cannot be mounted');
  if (path === '/' || KERNEL_PATHS.some((kernel) => path === kernel || path.startsWith(`${kernel}/`)))
    throw new SpecRefused(field, path, 'the root, /proc, /sys and /dev are the engine’s own');
}
