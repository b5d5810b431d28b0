import type { Settings } from '../infra/config/settings.ts';
import type {
  BlockIo,
  ContainerKind,
  ContainerLimits,
  ContainerSpec,
  TmpfsMount,
  VolumeMount,
} from '../infra/engine/port.ts';
import { LABEL } from '../model/labels.ts';
import type { BotLimits, OperatorLimits } from '../model/limits.ts';
import {
  containerName,
  launchVolumeName,
  runContainerName,
  runLaunchVolumeName,
  stateVolumeName,
} from '../model/names.ts';
import { PATHS } from './entrypoints/paths.ts';
import type { LaunchPlan } from './entrypoints/types.ts';

const MB = 2 ** 20;
/** Room for the result of a query and for what a bot logs to a file of its own. */
const SMALL_TMPFS_MB = 16;
const RUNTIMES_MAP_MB = 4_096;

/** `the0.kind` of a volume that holds a run's config, launcher and result. */
export const RUN_LAUNCH_VOLUME = 'run-launch';

/** The settings that decide how a bot's container is made. */
export type BotSpecSettings = Pick<
  Settings,
  | 'BOT_PIDS_LIMIT'
  | 'BOT_NOFILE_LIMIT'
  | 'BOT_NPROC_LIMIT'
  | 'BOT_TMP_MB'
  | 'BOT_WORKDIR_MB'
  | 'BOT_SHM_MB'
  | 'MAX_STATE_SIZE_MB'
  | 'LOG_ENGINE_MB'
  | 'BOT_BLKIO_WEIGHT'
  | 'BOT_BLKIO_DEVICE'
  | 'BOT_BLKIO_READ_MB'
  | 'BOT_BLKIO_WRITE_MB'
  | 'BOT_OCI_RUNTIME'
  | 'BOT_APPARMOR_PROFILE'
>;

/** What a container of a bot's code is made of, whatever it is for. */
type CommonInput = {
  installation: string;
  launch: LaunchPlan;
  limits: BotLimits;
  /** Digest or image id, as the engine resolved it. */
  image: string;
  codeVolume: { name: string; labels: Readonly<Record<string, string>> };
  /** Of the container (`botLabels`, `runLabels`). */
  labels: Readonly<Record<string, string>>;
  settings: BotSpecSettings;
  /** Content of the file `BOT_SECCOMP_PROFILE` names. */
  seccompProfile?: string;
};

export type BotSpecInput = CommonInput & { botId: string };
export type RunSpecInput = CommonInput & { scheduleId: string; runId: string };

/** What tells a bot's container from a run's. */
type Identity = { name: string; kind: ContainerKind; launchVolume: OwnVolume; stateVolume: OwnVolume };
type OwnVolume = { name: string; labels: Readonly<Record<string, string>> };

/** A bot's container, as a pure function of its description. */
export function botSpec(input: BotSpecInput): ContainerSpec {
  const { installation, botId } = input;
  const labels = { [LABEL.id]: botId };
  return containerSpec(input, {
    name: containerName(installation, botId),
    kind: 'bot',
    launchVolume: { name: launchVolumeName(installation, botId), labels },
    stateVolume: { name: stateVolumeName(installation, botId), labels },
  });
}

/** A run's container: its own launch volume, and the state that all runs of its schedule share. */
export function runSpec(input: RunSpecInput): ContainerSpec {
  const { installation, scheduleId, runId } = input;
  return containerSpec(input, {
    name: runContainerName(installation, runId),
    kind: 'run',
    launchVolume: {
      name: runLaunchVolumeName(installation, runId),
      labels: { [LABEL.id]: scheduleId, [LABEL.kind]: RUN_LAUNCH_VOLUME, [LABEL.run]: runId },
    },
    stateVolume: { name: stateVolumeName(installation, scheduleId), labels: { [LABEL.id]: scheduleId } },
  });
}

/**
 * Nothing of the bot's configuration is in it: that goes into the launch volume, so whoever may inspect containers sees no
 * exchange key.
 */
function containerSpec(input: CommonInput, identity: Identity): ContainerSpec {
  const { launch, settings, seccompProfile } = input;
  return {
    name: identity.name,
    kind: identity.kind,
    image: input.image,
    command: launch.command,
    workingDir: launch.workingDir,
    env: launch.env,
    labels: input.labels,
    limits: containerLimits(input.limits, settings),
    volumes: volumes(input, identity),
    tmpfs: tmpfs(settings),
    network: 'bots',
    ...(settings.BOT_OCI_RUNTIME === undefined ? {} : { ociRuntime: settings.BOT_OCI_RUNTIME }),
    ...(settings.BOT_APPARMOR_PROFILE === undefined
      ? {}
      : { apparmorProfile: settings.BOT_APPARMOR_PROFILE }),
    ...(seccompProfile === undefined ? {} : { seccompProfile }),
  };
}

/** The operator's side of `botLimits`. */
export const operatorLimits = (
  settings: Pick<
    Settings,
    | 'BOT_MEMORY_LIMIT_MB'
    | 'BOT_MEMORY_CEILING_MB'
    | 'BOT_CPU_LIMIT'
    | 'BOT_CPU_CEILING'
    | 'BOT_CPU_SHARES'
    | 'MAX_STATE_SIZE_MB'
    | 'MAX_STATE_FILES'
  >,
): OperatorLimits => ({
  memoryMb: settings.BOT_MEMORY_LIMIT_MB,
  memoryCeilingMb: settings.BOT_MEMORY_CEILING_MB,
  cpus: settings.BOT_CPU_LIMIT,
  cpuCeiling: settings.BOT_CPU_CEILING,
  cpuShares: settings.BOT_CPU_SHARES,
  stateMb: settings.MAX_STATE_SIZE_MB,
  stateFiles: settings.MAX_STATE_FILES,
});

function volumes(
  { codeVolume, settings }: CommonInput,
  { launchVolume, stateVolume }: Identity,
): VolumeMount[] {
  return [
    { volume: codeVolume.name, path: PATHS.code, readOnly: true, labels: codeVolume.labels },
    // Writable, for result.json; the directory is root's, so the bot can neither add files to it nor replace one.
    { volume: launchVolume.name, path: PATHS.run, readOnly: false, labels: launchVolume.labels },
    {
      volume: stateVolume.name,
      path: PATHS.state,
      readOnly: false,
      labels: stateVolume.labels,
      // Not the bot’s own limit: a volume keeps the size of its making, and that may be raised.
      sizeBytes: settings.MAX_STATE_SIZE_MB * MB,
    },
  ];
}

const tmpfs = (settings: BotSpecSettings): TmpfsMount[] => [
  { path: PATHS.work, sizeMb: settings.BOT_WORKDIR_MB, exec: true, mode: 0o755 },
  { path: PATHS.tmp, sizeMb: settings.BOT_TMP_MB, exec: false, mode: 0o1777 },
  { path: PATHS.query, sizeMb: SMALL_TMPFS_MB, exec: false, mode: 0o755 },
  { path: PATHS.var, sizeMb: SMALL_TMPFS_MB, exec: false, mode: 0o755 },
];

function containerLimits(limits: BotLimits, settings: BotSpecSettings): ContainerLimits {
  const io = blockIo(settings);
  return {
    ...limits,
    pids: settings.BOT_PIDS_LIMIT,
    nofile: settings.BOT_NOFILE_LIMIT,
    nproc: settings.BOT_NPROC_LIMIT,
    shmBytes: settings.BOT_SHM_MB * MB,
    fileBytes: largestFileBytes(settings),
    logBytes: settings.LOG_ENGINE_MB * MB,
    ...(io === undefined ? {} : { blockIo: io }),
  };
}

/**
 * A bot's result lies on a volume that nobody measures, so the kernel limits it: no file is larger than all of its state may
 * be, nor than what the runtimes themselves map as a file (.NET: 2 GB).
 */
function largestFileBytes(settings: BotSpecSettings): number {
  const { MAX_STATE_SIZE_MB: state, BOT_TMP_MB: tmp, BOT_WORKDIR_MB: work, BOT_SHM_MB: shm } = settings;
  return Math.max(state, tmp, work, shm, RUNTIMES_MAP_MB) * MB;
}

/** Zero means unset; rates without a device have nothing to apply to. */
function blockIo(settings: BotSpecSettings): BlockIo | undefined {
  const { BOT_BLKIO_WEIGHT: weight, BOT_BLKIO_DEVICE: device } = settings;
  const readBps = settings.BOT_BLKIO_READ_MB * MB;
  const writeBps = settings.BOT_BLKIO_WRITE_MB * MB;
  const io: BlockIo = {
    ...(weight === 0 ? {} : { weight }),
    ...(device !== undefined && readBps > 0 ? { readBps } : {}),
    ...(device !== undefined && writeBps > 0 ? { writeBps } : {}),
  };
  if (Object.keys(io).length === 0) return undefined;
  return device === undefined ? io : { ...io, device };
}
