import { setImmediate as nextTurn } from 'node:timers/promises';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import type { Collections, LogPosition, LogPositionDocument } from '../../infra/mongo/collections.ts';

type Known = Pick<LogPositionDocument, 'botId' | 'settled'> & { position: LogPosition };

/** How far each container's output was published, kept for whoever follows after us. */
export class PositionStore {
  readonly #collection: Collections['logPositions'];
  readonly #now: () => number;
  readonly #outage: OutageLog;
  #beginning: Promise<boolean> | undefined;
  #writing: Promise<boolean> = Promise.resolve(true);
  #changed = new Map<string, { botId: string; position: LogPosition }>();

  constructor(options: { collection: Collections['logPositions']; now: () => number; log: Logger }) {
    this.#collection = options.collection;
    this.#now = options.now;
    this.#outage = new OutageLog(options.log, 'Keeping the positions of live logs');
  }

  /**
   * What the one before us left. From now on it counts as ours: whoever comes after a kill cannot rely on it. `gone`: of
   * containers that are not among these and whose output may not have been told to its end; they are forgotten by this.
   */
  async takeOver(containerIds: readonly string[]): Promise<{ known: Map<string, Known>; gone: Known[] }> {
    const mine = { _id: { $in: [...containerIds] } };
    const present = new Set(containerIds);
    const known = new Map<string, Known>();
    const gone = new Map<string, Known>();
    for await (const { _id, botId, settled, stdout, stderr } of this.#collection.find()) {
      const position = {
        ...(stdout === undefined ? {} : { stdout }),
        ...(stderr === undefined ? {} : { stderr }),
      };
      (present.has(_id) ? known : gone).set(_id, { botId, settled, position });
    }
    await this.#collection.updateMany(mine, { $set: { settled: false, at: new Date(this.#now()) } });
    await this.#collection.deleteMany({ _id: { $in: [...gone.keys()] } });
    return { known, gone: [...gone.values()].filter(({ settled }) => !settled) };
  }

  /** They are in use, however quiet: what nobody touches for long, expires. */
  async touch(containerIds: readonly string[]): Promise<void> {
    await this.#collection.updateMany(
      { _id: { $in: [...containerIds] } },
      { $set: { at: new Date(this.#now()) } },
    );
  }

  note(containerId: string, botId: string, position: LogPosition): void {
    this.#changed.set(containerId, { botId, position });
  }

  /** To be awaited before anything is published of a container: one without a position was never shown. */
  async begin(containerId: string, botId: string, position: LogPosition): Promise<void> {
    this.note(containerId, botId, position);
    // Many begin at once when a follower takes over.
    this.#beginning ??= nextTurn().then(() => {
      this.#beginning = undefined;
      return this.write();
    });
    await this.#beginning;
  }

  forget(containerId: string): void {
    this.#changed.delete(containerId);
  }

  /** Writes what changed, in one go. Never throws: what could not be written is tried again the next time. */
  async write(): Promise<boolean> {
    // One after the other, so that an older position never comes after a newer one.
    this.#writing = this.#writing.then(() => this.#writeNow());
    return await this.#writing;
  }

  async #writeNow(): Promise<boolean> {
    if (this.#changed.size === 0) return true;
    const changed = this.#changed;
    this.#changed = new Map();
    const at = new Date(this.#now());
    try {
      await this.#collection.bulkWrite(
        [...changed].map(([_id, { botId, position }]) => ({
          updateOne: {
            filter: { _id },
            update: { $set: { botId, settled: false, at, ...position } },
            upsert: true,
          },
        })),
        { ordered: false },
      );
      this.#outage.recovered();
      return true;
    } catch (error) {
      this.#outage.failed(error);
      this.#changed = new Map([...changed, ...this.#changed]);
      return false;
    }
  }

  /** Everything published is noted, and nothing more will be. */
  async settle(containerIds: readonly string[]): Promise<void> {
    if (!(await this.write())) return;
    await this.#collection.updateMany({ _id: { $in: [...containerIds] } }, { $set: { settled: true } });
  }

  async remove(containerIds: readonly string[]): Promise<void> {
    // What is being written now would come back.
    await this.#writing;
    for (const id of containerIds) this.forget(id);
    await this.#collection.deleteMany({ _id: { $in: [...containerIds] } });
  }
}
