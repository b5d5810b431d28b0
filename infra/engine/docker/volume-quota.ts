import { volumeLabels } from '../labels.ts';
import type { CallOptions } from '../port.ts';
import type { CreateBody } from './api.ts';
import type { DockerContext } from './context.ts';
import { DockerRefusal } from './failures.ts';

/** Of the volume by which it is found out. */
const TRIAL_BYTES = 1024 * 1024;

/**
 * Volumes of a size that the file system itself keeps them to. That takes one with project quotas (XFS or ext4, mounted
 * for it), which the engine says only once it is asked for such a volume: tried once, and remembered.
 */
export class VolumeQuota {
  readonly #context: Pick<DockerContext, 'client' | 'installation' | 'log' | 'slowCallTimeoutMs'>;
  #offered: Promise<boolean> | undefined;

  constructor(context: Pick<DockerContext, 'client' | 'installation' | 'log' | 'slowCallTimeoutMs'>) {
    this.#context = context;
  }

  /** Gives those volumes their size that the container brings into being; those that are there keep the one they have. */
  async sized(
    body: CreateBody,
    sizes: ReadonlyMap<string, number>,
    options: CallOptions,
  ): Promise<CreateBody> {
    if (sizes.size === 0 || !(await this.#isOffered(options))) return body;
    const Mounts = body.HostConfig.Mounts.map((mount) => {
      const bytes = sizes.get(mount.Source);
      if (bytes === undefined) return mount;
      const DriverConfig = { Name: 'local' as const, Options: { size: String(bytes) } };
      return { ...mount, VolumeOptions: { ...mount.VolumeOptions, DriverConfig } };
    });
    return { ...body, HostConfig: { ...body.HostConfig, Mounts } };
  }

  #isOffered(options: CallOptions): Promise<boolean> {
    this.#offered ??= this.#try(options).catch((error: unknown) => {
      this.#offered = undefined;
      throw error;
    });
    return this.#offered;
  }

  async #try({ signal }: CallOptions): Promise<boolean> {
    const { client, installation, log, slowCallTimeoutMs: timeoutMs } = this.#context;
    const name = `${installation}_quota`;
    try {
      await client.json({
        method: 'POST',
        path: '/volumes/create',
        body: {
          Name: name,
          Driver: 'local',
          DriverOpts: { size: String(TRIAL_BYTES) },
          Labels: volumeLabels(installation, {}),
        },
        doing: 'create a volume of a size',
        timeoutMs,
        signal,
      });
    } catch (error) {
      if (!(error instanceof DockerRefusal)) throw error;
      log.debug({ error: error.detail }, 'The engine keeps no volume to a size: state is measured instead');
      return false;
    }
    // Two processes may try at once, and the volume holds nothing: left over, it is in nobody’s way.
    await client
      .run({
        method: 'DELETE',
        path: `/volumes/${name}`,
        doing: 'remove a volume',
        timeoutMs,
        signal,
      })
      .catch(() => undefined);
    return true;
  }
}
