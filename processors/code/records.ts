import { MongoServerError, type Collection } from 'mongodb';
import { DUPLICATE_KEY } from '../../infra/mongo/duplicate-key.ts';
import type { CodeVolumeDocument } from '../../infra/mongo/collections.ts';

/** Somebody else won each time and was gone again before we looked: not to be expected twice, let alone so often. */
const MOST_CLAIMS = 10;

/**
 * The records of what has been unpacked. A volume counts only while its record stands: the record is written after the
 * volume is whole and removed before the volume is. All writes wait for the majority.
 */
export class CodeRecords {
  readonly #volumes: Collection<CodeVolumeDocument>;
  readonly #engineId: string;
  readonly #now: () => number;

  constructor(volumes: Collection<CodeVolumeDocument>, engineId: string, now: () => number) {
    this.#volumes = volumes;
    this.#engineId = engineId;
    this.#now = now;
  }

  /** Finds a record and marks it as used in one step, so that it cannot be collected between the two. */
  async use(codeId: string, key: string): Promise<CodeVolumeDocument | undefined> {
    const found = await this.#volumes.findOneAndUpdate(
      { _id: codeId, engineId: this.#engineId },
      { $set: { lastUsedAt: new Date(this.#now()) }, $addToSet: { keys: key } },
      { returnDocument: 'after', writeConcern: { w: 'majority' } },
    );
    return found ?? undefined;
  }

  /** What was last unpacked from a key, newest first. */
  async ofKey(key: string): Promise<CodeVolumeDocument[]> {
    return this.#volumes
      .find({ keys: key, engineId: this.#engineId })
      .sort({ createdAt: -1 })
      .limit(20)
      .toArray();
  }

  /**
   * Makes `mine` the record of its content. Returns `mine`, or the record of a process that was faster, if `isThere`
   * finds its volume. A record whose volume is gone, or that belongs to another engine, is replaced.
   */
  async claim(
    mine: CodeVolumeDocument,
    isThere: (other: CodeVolumeDocument) => Promise<boolean>,
  ): Promise<CodeVolumeDocument> {
    for (let attempt = 0; attempt < MOST_CLAIMS; attempt += 1) {
      if (await this.#insert(mine)) return mine;
      const other = await this.#volumes.findOne({ _id: mine._id });
      if (other === null) continue;
      if (other.engineId === this.#engineId && (await isThere(other))) {
        const used = await this.use(mine._id, mine.keys[0] ?? '');
        if (used?.volume === other.volume) return used;
        continue;
      }
      const { matchedCount } = await this.#volumes.replaceOne(
        { _id: mine._id, volume: other.volume, engineId: other.engineId },
        mine,
        {
          writeConcern: { w: 'majority' },
        },
      );
      if (matchedCount === 1) return mine;
    }
    throw new Error(`The record of code ${mine._id} changed hands ${MOST_CLAIMS} times while it was written`);
  }

  /** Removes and returns records unused since `before`, but for those whose volume is in `inUse`, one by one. */
  async *expire(before: Date, inUse: ReadonlySet<string>): AsyncGenerator<CodeVolumeDocument> {
    for await (const { _id, volume } of this.unused(before, inUse)) {
      // A start may have taken it since: then it is not as old any more, and stays.
      const removed = await this.#volumes.findOneAndDelete(
        { _id, volume, lastUsedAt: { $lt: before } },
        { writeConcern: { w: 'majority' } },
      );
      if (removed !== null) yield removed;
    }
  }

  /** What `expire` would remove. */
  async *unused(
    before: Date,
    inUse: ReadonlySet<string>,
  ): AsyncGenerator<Pick<CodeVolumeDocument, '_id' | 'volume'>> {
    const unused = this.#volumes.find(
      { lastUsedAt: { $lt: before }, engineId: this.#engineId },
      { projection: { volume: 1 } },
    );
    for await (const record of unused) if (!inUse.has(record.volume)) yield record;
  }

  /** Puts back what `expire` removed, since a container turned out to use it; a newer record stays as it is. */
  async restore(record: CodeVolumeDocument): Promise<void> {
    await this.#insert({ ...record, lastUsedAt: new Date(this.#now()) });
  }

  async volumesOnRecord(): Promise<Set<string>> {
    const records = await this.#volumes
      .find({ engineId: this.#engineId }, { projection: { volume: 1 } })
      .toArray();
    return new Set(records.map(({ volume }) => volume));
  }

  async #insert(record: CodeVolumeDocument): Promise<boolean> {
    try {
      await this.#volumes.insertOne(record, { writeConcern: { w: 'majority' } });
      return true;
    } catch (error) {
      if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
      throw error;
    }
  }
}
