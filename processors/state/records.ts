import type { Collection, UpdateFilter } from 'mongodb';
import { DUPLICATE_KEY } from '../../infra/mongo/duplicate-key.ts';
import type { BotStateDocument } from '../../infra/mongo/collections.ts';
import { Grouped } from '../../infra/mongo/grouped.ts';
import { readEach } from '../../infra/mongo/read-each.ts';
import { updateEach, type OneUpdate, type UpdateFailure } from '../../infra/mongo/update-each.ts';
import type { StateDeps } from './deps.ts';
import { StateChanged } from './errors.ts';
import type { StateLimits } from './limits.ts';
import { MARK, volumeMark } from './mark.ts';
import { statArchive } from './put.ts';

type Facts = Partial<Omit<BotStateDocument, '_id' | 'epoch' | 'restoring' | 'updatedAt'>>;

/** What is on record about states. Whoever saves writes only as long as nobody filled the volume anew. */
export class StateRecords {
  readonly #states: Collection<BotStateDocument>;
  readonly #now: () => number;
  readonly #readings: Grouped<string, BotStateDocument | undefined>;
  readonly #adoptions: Grouped<OneUpdate<BotStateDocument>, UpdateFailure | undefined>;

  constructor(states: Collection<BotStateDocument>, now: () => number) {
    this.#states = states;
    this.#now = now;
    this.#readings = new Grouped((ids) => readEach(states, ids));
    this.#adoptions = new Grouped(async (updates) => {
      const { failures } = await updateEach(states, updates);
      return updates.map((_update, index) => failures.get(index));
    });
  }

  /** What holds at some moment after the call; under load those of many together. */
  read(id: string): Promise<BotStateDocument | undefined> {
    return this.#readings.ask(id);
  }

  /** After a save. No-op where the volume was filled anew meanwhile. */
  async set(id: string, known: BotStateDocument, facts: Facts): Promise<void> {
    await this.#states.updateOne(sameVolume(id, known), { $set: { ...facts, updatedAt: this.#date() } });
  }

  /** Throws `StateChanged` where the volume was filled anew, or given up by a person, since `known` was read. */
  async assertStill(id: string, known: BotStateDocument): Promise<void> {
    if ((await this.#states.findOne(sameVolume(id, known), { projection: { _id: 1 } })) === null)
      throw new StateChanged('The volume was filled anew, or given up, while it was read');
  }

  /**
   * What is known of a volume whose record was lost with our database, by the archive that was saved from it. No-op where
   * an archive, or that there is none, is on record; what else was put on record since the loss stays.
   */
  async recover(
    id: string,
    facts: Facts & { etag: string | null; volume: string; epoch?: number },
  ): Promise<void> {
    await this.#states
      .updateOne(
        { _id: id, ...UNTOUCHED, etag: { $exists: false } },
        { $set: { ...facts, updatedAt: this.#date() } },
        { upsert: true },
      )
      .catch((error: unknown) => {
        // It is there, and more is known of it by now.
        if (!isDuplicate(error)) throw error;
      });
  }

  /** The volume counts, and this archive is what the next save replaces. Each first start does this: many go together. */
  async adopt(id: string, facts: Facts & { etag: string | null }): Promise<void> {
    const failure = await this.#adoptions.ask({
      filter: { _id: id },
      update: {
        $set: { ...facts, updatedAt: this.#date() },
        // What the volume held when another archive was made says nothing about this one.
        $unset: {
          platformEtag: 1,
          platformAt: 1,
          discard: 1,
          refused: 1,
          listing: 1,
          ...(facts.content === undefined ? { content: 1 } : {}),
        },
      },
      upsert: true,
    });
    if (failure !== undefined)
      throw new Error(`What is known of its state was not written: ${failure.why}`, { cause: failure.cause });
  }

  /** The platform changed the archive; null: deleted it. */
  async platformChanged(id: string, etag: string | null): Promise<void> {
    await this.#states.updateOne(
      { _id: id, $or: [{ platformEtag: { $exists: false } }, { platformEtag: { $ne: etag } }] },
      { $set: { platformEtag: etag, platformAt: this.#date(), updatedAt: this.#date() } },
    );
  }

  /**
   * A person wants none of it: from now on nothing of the volume is saved, and the next start empties it. False where nothing
   * is on record of the bot, so that there is no volume either.
   */
  async discard(id: string, who: string): Promise<boolean> {
    const { matchedCount } = await this.#states.updateOne(
      { _id: id },
      { $set: { discard: { who, at: this.#date() }, updatedAt: this.#date() } },
    );
    return matchedCount > 0;
  }

  /** Takes back a `discard` of the same person that was not carried out: no-op where a start was quicker. */
  async keepAfterAll(id: string, who: string): Promise<void> {
    await this.#states.updateOne(
      { _id: id, 'discard.who': who },
      { $unset: { discard: 1 }, $set: { updatedAt: this.#date() } },
    );
  }

  /** No start can take this archive, by what is allowed now. */
  async refused(
    id: string,
    archive: { etag: string },
    { maxBytes, maxFiles }: Pick<StateLimits, 'maxBytes' | 'maxFiles'>,
  ): Promise<void> {
    const refused = { etag: archive.etag, maxBytes, maxFiles, at: this.#date() };
    await this.#states.updateOne(
      { _id: id },
      { $set: { refused, updatedAt: this.#date() } },
      { upsert: true },
    );
  }

  /**
   * Before the first change to the volume: until `filled`, nothing of it is saved, and it is filled again. Tells which filling
   * it is. Throws `StateChanged` where somebody else has begun one since `known` was read: their bot may be at work by now.
   */
  async filling(id: string, volume: string, known: BotStateDocument | undefined): Promise<number> {
    const update: UpdateFilter<BotStateDocument> = {
      $set: { restoring: true, volume, updatedAt: this.#date() },
      $inc: { epoch: 1 },
    };
    const document = await this.#states
      .findOneAndUpdate({ _id: id, ...sameFilling(known?.epoch) }, update, {
        upsert: true,
        returnDocument: 'after',
      })
      .catch((error: unknown) => {
        // It is there, with another epoch.
        if (isDuplicate(error)) return null;
        throw error;
      });
    if (document?.epoch === undefined) throw new StateChanged('Somebody else fills its volume');
    return document.epoch;
  }

  /** Throws `StateChanged` where somebody else has begun to fill the volume meanwhile: who knows what is on it. */
  async filled(id: string, epoch: number, facts: Facts & { etag: string | null }): Promise<void> {
    const now = this.#date();
    const { matchedCount } = await this.#states.updateOne(
      { _id: id, epoch },
      {
        $set: { ...facts, restoredAt: now, updatedAt: now },
        $unset: {
          restoring: 1,
          platformEtag: 1,
          platformAt: 1,
          discard: 1,
          refused: 1,
          ...(facts.listing === undefined ? { listing: 1 } : {}),
        },
      },
    );
    if (matchedCount === 0) throw new StateChanged('Somebody else fills its volume');
  }

  #date(): Date {
    return new Date(this.#now());
  }
}

const isDuplicate = (error: unknown): boolean => (error as { code?: unknown }).code === DUPLICATE_KEY;

/** Its volume is not being filled, and was not given up by a person. */
const UNTOUCHED = { restoring: { $exists: false }, discard: { $exists: false } };

const sameFilling = (epoch: number | undefined) =>
  epoch === undefined ? { epoch: { $exists: false } } : { epoch };

function sameVolume(id: string, { epoch, volume }: BotStateDocument) {
  return {
    _id: id,
    ...UNTOUCHED,
    ...sameFilling(epoch),
    ...(volume === undefined ? {} : { volume }),
  };
}

/** What the archive in S3 is, seen from what is on record. */
export type Examined =
  | { kind: 'same' }
  /** Ours, and now on record. */
  | { kind: 'ours'; content: string | undefined; epoch: number }
  /** The platform's, or deleted; noted, so that the bot gets it. */
  | { kind: 'platform' };

/** Looks who wrote the archive that is there, where it is not the one on record, and puts the answer on record. */
export async function examineArchive(
  deps: StateDeps,
  records: StateRecords,
  id: string,
  signal: AbortSignal,
): Promise<Examined> {
  // In this order: what another save writes in between is found to be on record, or to be ours.
  const present = await statArchive(deps, id, signal);
  const known = await records.read(id);
  if (known?.etag === (present?.etag ?? null)) return { kind: 'same' };
  if (present === null && typeof known?.etag === 'string') await deps.assertOurBucket(signal);
  const { epoch = 0 } = known ?? {};
  if (
    present !== null &&
    known !== undefined &&
    present.metadata[MARK.volume] === volumeMark(deps.engine.installation, known)
  ) {
    const content = present.metadata[MARK.content];
    await records.adopt(id, {
      etag: present.etag,
      ...(content === undefined ? {} : { content }),
    });
    return { kind: 'ours', content, epoch };
  }
  await records.platformChanged(id, present?.etag ?? null);
  return { kind: 'platform' };
}
