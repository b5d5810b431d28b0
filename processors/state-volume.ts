import { pack } from 'tar-stream';
import type { ContainerSpec, Engine } from '../infra/engine/port.ts';

/** Permission bits of a state directory that is ready; a volume that was just made has 0755 and belongs to root. */
export const READY_MODE = 0o750;
const BOT_UID = 1000;
const FILL_PATH = '/the0/fill';
const STATE_PATH = '/state';

/** Gives a bot's state volume to the bot's user, where it has not been given yet: costs one look when there is nothing to do. */
export async function ensureStateOwnership(
  engine: Engine,
  container: { id: string; spec: ContainerSpec },
  nonce: string,
  signal: AbortSignal,
): Promise<void> {
  const mode = await engine.pathMode(container.id, STATE_PATH, { signal });
  if (mode !== READY_MODE) await ownStateVolume(engine, container, nonce, signal);
}

/**
 * Gives a bot's state volume to the bot's user. The engine makes volumes that belong to root, and writes no ownership of
 * a mount's own root from inside it; from a folder above it does. So a helper that is created and never started mounts
 * the volume one level down. For a volume whose
 * directory has not `READY_MODE` yet.
 */
export async function ownStateVolume(
  engine: Engine,
  container: { id: string; spec: ContainerSpec },
  nonce: string,
  signal: AbortSignal,
): Promise<void> {
  const state = container.spec.volumes.find((volume) => volume.path === STATE_PATH);
  if (state === undefined) throw new Error('a bot’s container has no state volume');
  signal.throwIfAborted();
  // Not cut off by the signal: the engine would make it all the same, and nobody would know its id.
  const helper = await engine.create({
    ...container.spec,
    name: `${engine.installation}_helper_${nonce}`,
    kind: 'helper',
    readOnlyRoot: false,
    network: 'none',
    env: {},
    labels: {},
    tmpfs: [],
    volumes: [{ ...state, path: `${FILL_PATH}/state` }],
  });
  try {
    await engine.writeArchive(helper, FILL_PATH, await (ownedDirectories ??= packOwnedDirectories()), {
      signal,
    });
  } finally {
    await engine.remove(helper);
  }
}

/** The same for every bot, so packed once. */
let ownedDirectories: Promise<Buffer> | undefined;

async function packOwnedDirectories(): Promise<Buffer> {
  const archive = pack();
  for (const name of ['state', 'state/.the0-state'])
    archive.entry({
      name,
      type: 'directory',
      mode: READY_MODE,
      uid: BOT_UID,
      gid: BOT_UID,
      mtime: new Date(0),
    });
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
