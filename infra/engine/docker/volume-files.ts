import { randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { LABEL } from '../../../model/labels.ts';
import { EngineFailed } from '../errors.ts';
import { requireOwnName } from '../names.ts';
import type { CallOptions, ContainerSpec, Engine, VolumeListing } from '../port.ts';
import { emptyVolumeAt } from '../volume-empty.ts';
import type { VolumeAnswer } from './api.ts';
import type { DockerContext } from './context.ts';
import { plainRefusal } from './failures.ts';
import { VolumeByVolume } from './volume-by-volume.ts';
import { helperMount, isOutrun, listingScript, listLocally, parseListing } from './volume-listing.ts';

type VolumeFiles = Pick<Engine, 'listFiles' | 'volumePath' | 'emptyVolume'>;
type Containers = Pick<Engine, 'create' | 'start' | 'wait' | 'remove' | 'logs'>;
type Asked = CallOptions & { maxFiles: number; image: string };

/** Volumes of one helper: what it prints has to fit into the engine's own log. */
const VOLUMES_PER_HELPER = 50;
/** Asking for so few by name is cheaper for the engine than telling all of the installation. */
const FEW = 8;
const MB = 1024 * 1024;

/** `local` false: never at the mount points, as with an engine elsewhere. */
export function volumeFileCalls(
  context: DockerContext,
  containers: Containers,
  options: { local: boolean },
): VolumeFiles {
  const { client, installation } = context;
  // Elsewhere its mount points are somebody else's folders.
  const volumeByVolume = new VolumeByVolume(context.log);
  const maybeHere = options.local && client.endpoint.kind === 'socket' && process.platform === 'linux';

  async function existing(
    names: readonly string[],
    options: CallOptions,
  ): Promise<Map<string, VolumeAnswer>> {
    for (const name of names) requireOwnName('volume', installation, name);
    const filters = {
      label: [`${LABEL.installation}=${installation}`],
      ...(names.length <= FEW ? { name: names } : {}),
    };
    const answer = await client
      .json<{ Volumes?: VolumeAnswer[] | null }>({
        method: 'GET',
        path: '/volumes',
        query: { filters: JSON.stringify(filters) },
        doing: 'look up volumes',
        signal: options.signal,
      })
      .catch((error: unknown) => {
        throw plainRefusal(error);
      });
    const wanted = new Set(names);
    return new Map(
      (answer.Volumes ?? []).filter(({ Name }) => wanted.has(Name)).map((volume) => [volume.Name, volume]),
    );
  }

  /** Runs a shell script on volumes and tells what it printed. */
  async function runHelper(
    volumes: readonly string[],
    script: string,
    options: CallOptions & { image: string; readOnly: boolean },
  ): Promise<string> {
    // Not cut off by the signal: the engine would make it all the same, and nobody would know its id.
    const id = await containers.create(helperSpec(installation, volumes, script, options));
    try {
      await containers.start(id, options);
      const { exitCode } = await containers.wait(id, options);
      const chunks: Buffer[] = [];
      for await (const { stream, data } of containers.logs(id, { ...signalOf(options) }))
        if (stream === 'stdout') chunks.push(data);
      if (exitCode !== 0) throw new EngineFailed(`A helper on volumes ended with ${exitCode}`);
      return Buffer.concat(chunks).toString();
    } finally {
      await containers.remove(id, { force: true });
    }
  }

  async function listByHelper(names: readonly string[], options: Asked): Promise<Map<string, VolumeListing>> {
    const found = new Map<string, VolumeListing>();
    for (let from = 0; from < names.length; from += VOLUMES_PER_HELPER) {
      const some = names.slice(from, from + VOLUMES_PER_HELPER);
      const mark = randomBytes(12).toString('hex');
      const output = await runHelper(some, listingScript(mark, some.length, options.maxFiles), {
        ...options,
        readOnly: true,
      });
      const listings = parseListing(output, mark, options.maxFiles);
      for (const [index, name] of some.entries()) {
        const listing = listings.get(index);
        if (listing !== undefined) found.set(name, listing);
        // What several printed was more than the engine keeps: each alone, then.
        else if (some.length === 1)
          found.set(name, {
            files: [],
            complete: false,
            ...(isOutrun(output, mark) ? {} : { unread: true }),
          });
        else for (const each of await listByHelper([name], options)) found.set(...each);
      }
    }
    return found;
  }

  const listFiles: VolumeFiles['listFiles'] = async (names, options) => {
    const answer: Awaited<ReturnType<Engine['listFiles']>> = new Map();
    if (names.length === 0) return answer;
    const volumes = await existing(names, options);
    const put = (name: string, listing: VolumeListing): void =>
      void answer.set(name, { ...listing, made: volumes.get(name)?.Labels?.[LABEL.made] ?? '' });
    const elsewhere: string[] = [];
    let failure: Error | undefined;
    for (const [name, volume] of volumes) {
      const root = maybeHere ? readable(volume) : undefined;
      if (root === undefined) elsewhere.push(name);
      else {
        const listing = await volumeByVolume.list(
          name,
          () => listUnlessGone(volume, root, options),
          options.signal,
        );
        if (listing === undefined) continue;
        if ('failed' in listing) failure ??= listing.failed;
        else put(name, listing);
      }
    }
    for (const [name, listing] of await listByHelper(elsewhere, options)) put(name, listing);
    // Whoever asks for one alone must not take it for gone.
    if (answer.size === 0 && failure !== undefined) throw failure;
    return answer;
  };

  const volumePath: VolumeFiles['volumePath'] = async (name, options = {}) => {
    if (!maybeHere) return undefined;
    const volume = (await existing([name], options)).get(name);
    return volume === undefined ? undefined : readable(volume);
  };

  const emptyVolume: VolumeFiles['emptyVolume'] = async (name, options) => {
    const volume = (await existing([name], options)).get(name);
    if (volume === undefined) return;
    const root = maybeHere ? readable(volume) : undefined;
    if (root === undefined) {
      const mount = helperMount(0);
      // Folders first made its owner's to open: who made them may have closed them.
      const script = `find ${mount} -mindepth 1 -type d -exec chmod u+rwx {} \\;
find ${mount} -mindepth 1 -maxdepth 1 -exec rm -rf {} +
test -z "$(find ${mount} -mindepth 1 | head -n 1)"`;
      await runHelper([name], script, { ...options, readOnly: false });
      return;
    }
    await emptyVolumeAt(root, options.signal);
  };

  return { listFiles, volumePath, emptyVolume };
}

/** Undefined for one that is removed meanwhile: what was read of it is not what it held. */
async function listUnlessGone(
  volume: VolumeAnswer,
  root: string,
  { maxFiles, signal }: Asked,
): Promise<VolumeListing | undefined> {
  try {
    const listing = await listLocally(root, maxFiles, signal);
    return readable(volume) === undefined ? undefined : listing;
  } catch (error) {
    signal?.throwIfAborted();
    if (isGone(root)) return undefined;
    throw error;
  }
}

const isGone = (root: string): boolean => {
  try {
    return lstatSync(root, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
};

const signalOf = ({ signal }: CallOptions): CallOptions => (signal === undefined ? {} : { signal });

/** The mount point, if it is a folder that this process can read. */
function readable({ Mountpoint: root, Driver: driver }: VolumeAnswer): string | undefined {
  if (root === undefined || root === '' || (driver !== undefined && driver !== 'local')) return undefined;
  try {
    if (!lstatSync(root).isDirectory()) return undefined;
    // As its owner only: anybody else could miss what the bot has closed to others.
    return process.getuid?.() === 0 ? root : undefined;
  } catch {
    return undefined;
  }
}

function helperSpec(
  installation: string,
  volumes: readonly string[],
  script: string,
  { image, readOnly }: { image: string; readOnly: boolean },
): ContainerSpec {
  return {
    name: `${installation}_files_${randomBytes(4).toString('hex')}`,
    kind: 'helper',
    image,
    command: ['sh', '-c', script],
    workingDir: '/',
    env: { TZ: 'UTC', LC_ALL: 'C' },
    labels: {},
    limits: {
      // The kernel counts what it keeps of each file: who removes 100,000 of them needs room for that.
      memoryBytes: (readOnly ? 64 : 512) * MB,
      cpus: 1,
      cpuShares: 128,
      pids: 32,
      nofile: 1024,
      nproc: 65_536,
      shmBytes: MB,
    },
    volumes: volumes.map((volume, index) => ({ volume, path: helperMount(index), readOnly, labels: {} })),
    tmpfs: [],
    network: 'none',
  };
}
