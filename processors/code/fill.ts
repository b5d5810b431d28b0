import type { Readable } from 'node:stream';
import type { ContainerSpec, Engine } from '../../infra/engine/port.ts';
import type { Logger } from '../../infra/logger.ts';
import { LABEL } from '../../model/labels.ts';
import { VolumeIncomplete } from './errors.ts';

/** No image has anything here: the engine copies what an image holds at a path into a new volume mounted there. */
const MOUNT_PATH = '/the0-code';

/** `the0.kind` of volumes with code, by which they are found again. */
export const CODE_VOLUME_KIND = 'code';

const helperPrefix = (installation: string): string => `${installation}_code-fill_`;

export type FillRequest = {
  codeId: string;
  volume: string;
  /** Unique, so that helpers of several processes do not collide. */
  nonce: string;
  /** Any image the engine has: the helper never runs. */
  image: string;
  tar: Readable;
  signal: AbortSignal;
};

/**
 * Makes a volume and unpacks `tar` into it, through a container that is created and never started. Either the volume
 * is whole when this resolves, or it is gone (or, where the engine is away, left for `collectUnused`). Throws the
 * error of `tar` if that is what failed.
 */
export async function fillVolume(engine: Engine, log: Logger, request: FillRequest): Promise<void> {
  const { volume, tar, signal, codeId } = request;
  let tarError: Error | undefined;
  const stop = new AbortController();
  tar.once('error', (error) => {
    tarError = error;
    stop.abort(error);
  });
  const either = AbortSignal.any([signal, stop.signal]);
  const labels = { [LABEL.kind]: CODE_VOLUME_KIND, [LABEL.code]: codeId };
  try {
    signal.throwIfAborted();
    await engine.createVolume(volume, labels);
    signal.throwIfAborted();
    await withHelper(engine, log, helperSpec(engine.installation, request, labels), (id) =>
      engine.writeArchive(id, MOUNT_PATH, tar, { signal: either }),
    );
    if (tarError !== undefined) throw tarError;
    if (!tar.readableEnded) throw new VolumeIncomplete(volume);
  } catch (error) {
    await discardVolume(engine, log, volume);
    throw tarError ?? error;
  } finally {
    tar.destroy();
  }
}

/** Removes a volume that must not be used; a failure is logged only, since `collectUnused` comes by later. */
export async function discardVolume(engine: Engine, log: Logger, volume: string): Promise<void> {
  try {
    if (!(await engine.removeVolume(volume))) log.warn({ volume }, 'Code volume to discard is in use');
  } catch (error) {
    log.warn({ volume, error: (error as Error).message }, 'Code volume could not be discarded');
  }
}

/**
 * Creations are not cut off when the signal fires: the engine would finish them unseen, after our cleaning up. They
 * are quick, and have a time limit of their own.
 */
async function withHelper(
  engine: Engine,
  log: Logger,
  spec: ContainerSpec,
  work: (id: string) => Promise<void>,
): Promise<void> {
  let created: string | undefined;
  try {
    created = await engine.create(spec);
    await work(created);
  } finally {
    try {
      const id = created ?? (await engine.inspect(spec.name))?.id;
      if (id !== undefined) await engine.remove(id, { force: true });
    } catch (error) {
      log.warn(
        { container: spec.name, error: (error as Error).message },
        'Helper container could not be removed',
      );
    }
  }
}

function helperSpec(
  installation: string,
  request: FillRequest,
  labels: Readonly<Record<string, string>>,
): ContainerSpec {
  return {
    name: `${helperPrefix(installation)}${request.nonce}`,
    kind: 'helper',
    image: request.image,
    command: ['true'],
    workingDir: '/',
    env: {},
    labels: { [LABEL.code]: request.codeId },
    limits: {
      memoryBytes: 16 * 1024 * 1024,
      cpus: 0.1,
      cpuShares: 2,
      pids: 8,
      nofile: 64,
      nproc: 64,
      shmBytes: 1024 * 1024,
    },
    volumes: [{ volume: request.volume, path: MOUNT_PATH, readOnly: false, labels }],
    tmpfs: [],
    network: 'none',
  };
}
