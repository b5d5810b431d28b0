import type { Collection } from 'mongodb';
import type { PulledImageDocument } from '../infra/mongo/collections.ts';

/** That an image is used need not be known to the minute: ages are told in days. */
const TOLD_EVERY_MS = 3_600_000;

/** Which images this installation pulled, and when they were last used: what it did not pull it never removes. */
export class ImageRecords {
  readonly #pulled: Collection<PulledImageDocument>;
  readonly #now: () => number;

  constructor(pulled: Collection<PulledImageDocument>, now: () => number) {
    this.#pulled = pulled;
    this.#now = now;
  }

  /** After a pull. */
  async pulled(reference: string, imageId: string): Promise<void> {
    const at = new Date(this.#now());
    await this.#pulled.updateOne(
      { _id: reference },
      { $set: { imageId, pulledAt: at, usedAt: at } },
      { upsert: true },
    );
  }

  /** A start asks for it, or a container uses it. No-op for one that was there without us. */
  async used(reference: string): Promise<void> {
    const nowMs = this.#now();
    await this.#pulled.updateOne(
      { _id: reference, usedAt: { $lt: new Date(nowMs - TOLD_EVERY_MS) } },
      { $set: { usedAt: new Date(nowMs) } },
    );
  }

  unused(before: Date): AsyncIterable<PulledImageDocument> {
    return this.#pulled.find({ usedAt: { $lt: before } });
  }

  /** Before the image goes; false where it was used since `unused` told of it. */
  async forget({ _id, imageId, usedAt }: PulledImageDocument): Promise<boolean> {
    const { deletedCount } = await this.#pulled.deleteOne(
      { _id, imageId, usedAt },
      { writeConcern: { w: 'majority' } },
    );
    return deletedCount > 0;
  }

  /** Puts back what was forgotten, since the image stays; a newer record stays as it is. */
  async remember({ _id, ...facts }: PulledImageDocument): Promise<void> {
    await this.#pulled.updateOne({ _id }, { $setOnInsert: facts }, { upsert: true });
  }
}
