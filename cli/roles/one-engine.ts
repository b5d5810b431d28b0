import type { Collection } from 'mongodb';
import type { Engine } from '../../infra/engine/port.ts';
import type { InstallationDocument } from '../../infra/mongo/collections.ts';

/** The installation belongs to another engine: container names are unique within one only, so two would run bots twice. */
export class AnotherEngine extends Error {
  override readonly name = 'AnotherEngine';
  readonly code = 'another_engine';
  readonly retryable = false;
  constructor(installation: string, stored: string, met: string) {
    super(
      `Installation "${installation}" belongs to the container engine ${stored}, but this process reaches ${met}. Two engines would run every bot twice. ` +
        `Point DOCKER_HOST at the first one, give this host another INSTALLATION, or, if the first engine is gone for good, delete the document "engine:${installation}" from the collection "installation".`,
    );
  }
}

/** Stores the engine's id at first use, and refuses any other from then on. */
export async function assertOneEngine(
  engine: Engine,
  facts: Collection<InstallationDocument>,
): Promise<void> {
  const { id } = await engine.identify();
  const _id = `engine:${engine.installation}`;
  const stored = await facts.findOneAndUpdate(
    { _id },
    { $setOnInsert: { value: id, at: new Date() } },
    { upsert: true, returnDocument: 'after' },
  );
  if (stored !== null && stored.value !== id) throw new AnotherEngine(engine.installation, stored.value, id);
}
