import type { Collection } from 'mongodb';
import type { Engine } from '../../infra/engine/port.ts';
import type { InstallationDocument } from '../../infra/mongo/collections.ts';
import { StartProblem } from '../../processors/errors.ts';

const BELIEVED_MS = 5_000;

type Facts = Collection<InstallationDocument>;

/**
 * The installation belongs to another engine: container names are unique within one only, so two would run bots twice.
 */
export class AnotherEngine extends Error {
  override readonly name = 'AnotherEngine';
  readonly code = 'another_engine';
  readonly retryable = false;
  constructor(installation: string, stored: string, met: string) {
    super(
      `Installation "${installation}" belongs to the container engine ${stored}, but this process reaches ${met}. Two engines would run every bot twice. ` +
        `Point DOCKER_HOST at the first one or, if that is gone for good, delete the document "engine:${installation}" from the collection "installation".`,
    );
  }
}

/** The database is another installation's: two would plan the same bots and run each of them twice. */
export class AnotherInstallation extends Error {
  override readonly name = 'AnotherInstallation';
  readonly code = 'another_installation';
  readonly retryable = false;
  constructor(owner: string, mine: string) {
    super(
      `These databases belong to installation "${owner}", and this process is of "${mine}": both would run every bot. ` +
        `Set INSTALLATION=${owner}, or give this one databases of its own (MONGO_BOTS_DATABASE, MONGO_SCHEDULES_DATABASE and MONGO_RUNTIME_DATABASE).`,
    );
  }
}

/**
 * Binds the databases to this installation, and the installation to its engine, at first use; refuses others from then
 * on. Returns the engine's id.
 */
export async function assertOneEngine(engine: Engine, facts: Facts): Promise<string> {
  const { installation } = engine;
  await assertOneInstallation(installation, facts);
  const { id } = await engine.identify();
  const stored = await storedAtFirst(facts, `engine:${installation}`, id);
  if (stored !== id) throw new AnotherEngine(installation, stored, id);
  return id;
}

/** Binds the databases to this installation at first use; refuses others from then on. Does not ask the engine. */
export async function assertOneInstallation(installation: string, facts: Facts): Promise<void> {
  const owner = await storedAtFirst(facts, 'installation', installation);
  if (owner !== installation) throw new AnotherInstallation(owner, installation);
}

/** The same engine as ever? Asked again every few seconds: a socket may come to lead to another one. */
export function engineCheck(engine: Engine, facts: Facts): () => Promise<void> {
  let latest: { check: Promise<string>; atMs: number } | undefined;
  return async () => {
    if (latest === undefined || performance.now() - latest.atMs > BELIEVED_MS)
      latest = { check: assertOneEngine(engine, facts), atMs: performance.now() };
    try {
      await latest.check;
    } catch (error) {
      latest = undefined;
      if (!(error instanceof AnotherEngine)) throw error;
      // The bot is not to blame: it starts as soon as its own engine is back.
      throw new StartProblem(error.code, error.message, { retryable: true, cause: error });
    }
  };
}

async function storedAtFirst(facts: Facts, _id: string, value: string): Promise<string> {
  const known = await facts.findOne({ _id });
  if (known !== null) return known.value;
  const stored = await facts.findOneAndUpdate(
    { _id },
    { $setOnInsert: { value, at: new Date() } },
    { upsert: true, returnDocument: 'after' },
  );
  return stored?.value ?? value;
}
