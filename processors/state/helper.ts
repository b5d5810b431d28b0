import type { ContainerSpec, Engine, VolumeMount } from '../../infra/engine/port.ts';

export type HelperOptions = {
  /** One that the engine has; it never runs. */
  image: string;
  /** Tells it from other helpers. */
  nonce: string;
  mount: VolumeMount;
};

/** A container that is never started: through it the engine reads and writes a volume. */
export async function withHelper<T>(
  engine: Engine,
  options: HelperOptions,
  work: (id: string) => Promise<T>,
): Promise<T> {
  // Not cut off by a signal: the engine would make it all the same, and nobody would know its id.
  const id = await engine.create(helperSpec(engine.installation, options));
  try {
    return await work(id);
  } finally {
    await engine.remove(id, { force: true });
  }
}

function helperSpec(installation: string, { image, nonce, mount }: HelperOptions): ContainerSpec {
  return {
    name: `${installation}_helper_${nonce}`,
    kind: 'helper',
    image,
    command: ['true'],
    workingDir: '/',
    env: {},
    labels: {},
    limits: {
      memoryBytes: 16 * 1024 * 1024,
      cpus: 0.1,
      cpuShares: 2,
      pids: 8,
      nofile: 64,
      nproc: 64,
      shmBytes: 1024 * 1024,
    },
    volumes: [mount],
    tmpfs: [],
    network: 'none',
    // What is written lies above the volume, so that it may belong to the bot's user.
    readOnlyRoot: false,
  };
}
