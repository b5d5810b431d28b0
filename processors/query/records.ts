import type { UpdateFilter } from 'mongodb';
import type {
  Collections,
  QueryContainerDocument,
  QueryRequestDocument,
} from '../../infra/mongo/collections.ts';
import type { BotDocument } from '../../model/bots.ts';

type Stores = Pick<Collections, 'bots' | 'schedules' | 'queryContainers' | 'queryRequests'>;

/** What a processor makes of a bot's query container. */
export type Outcome =
  | { state: 'ready'; fingerprint: string; containerId: string; address: string; joined: string[] }
  | { state: 'single-shot'; fingerprint: string }
  | { state: 'failed'; fingerprint: string; problem: Problem };

export type Problem = { reason: string; status: number };

/** Readmes and schemas may be many kilobytes, and decide nothing. */
const WITHOUT = {
  _id: 0,
  'custom.config.readme': 0,
  'custom.config.schema': 0,
  'custom.config.metadata': 0,
} as const;

/** The documents that query jobs read and write. */
export class QueryRecords {
  readonly #stores: Stores;
  readonly #now: () => number;
  constructor(options: { stores: Stores; now: () => number }) {
    this.#stores = options.stores;
    this.#now = options.now;
  }

  /** A bot or a schedule: their ids never meet. Whether it is enabled says nothing of its queries. */
  async bot(botId: string): Promise<BotDocument | undefined> {
    const options = { projection: WITHOUT };
    const [bot, schedule] = await Promise.all([
      this.#stores.bots.findOne({ id: botId }, options),
      this.#stores.schedules.findOne({ id: botId }, options),
    ]);
    return bot ?? schedule ?? undefined;
  }

  async container(botId: string): Promise<QueryContainerDocument | undefined> {
    return (await this.#stores.queryContainers.findOne({ _id: botId })) ?? undefined;
  }

  containers(): Promise<QueryContainerDocument[]> {
    return this.#stores.queryContainers.find().toArray();
  }

  /** Tells the query server how it stands. No-op if nobody asks any more. */
  async settle(botId: string, outcome: Outcome): Promise<void> {
    const set: UpdateFilter<QueryContainerDocument> = {
      $set: { ...outcome, updatedAt: new Date(this.#now()) },
      $inc: { revision: 1 },
      $unset: {
        listening: 1,
        broken: 1,
        silent: 1,
        ...(outcome.state === 'ready' ? {} : { containerId: 1, address: 1, joined: 1 }),
        ...(outcome.state === 'failed' ? {} : { problem: 1 }),
      },
    };
    await this.#stores.queryContainers.updateOne({ _id: botId }, set);
  }

  /** The same container, of which nothing changed but who was joined to its network. */
  async joined(botId: string, containerId: string, joined: string[]): Promise<void> {
    await this.#stores.queryContainers.updateOne(
      { _id: botId, containerId },
      { $set: { joined, updatedAt: new Date(this.#now()) }, $inc: { revision: 1 } },
    );
  }

  /** These query servers run in no container of the engine, so there is nothing to be joined. */
  async strangers(botId: string, servers: readonly string[]): Promise<void> {
    await this.#stores.queryContainers.updateOne(
      { _id: botId },
      { $pull: { servers: { $in: [...servers] } }, $addToSet: { strangers: { $each: [...servers] } } },
    );
  }

  /** Whether it was forgotten: not if it was used since. */
  async forget({ _id, usedAt }: Pick<QueryContainerDocument, '_id' | 'usedAt'>): Promise<boolean> {
    return (await this.#stores.queryContainers.deleteOne({ _id, usedAt })).deletedCount === 1;
  }

  /** Those with a container, the longest unused first. */
  inUse(): Promise<QueryContainerDocument[]> {
    return this.#stores.queryContainers.find({ state: 'ready' }).sort({ usedAt: 1 }).toArray();
  }

  async request(id: string): Promise<QueryRequestDocument | undefined> {
    return (await this.#stores.queryRequests.findOne({ _id: id })) ?? undefined;
  }

  async answer(id: string, result: { answer: string } | { problem: Problem }): Promise<void> {
    await this.#stores.queryRequests.updateOne({ _id: id }, { $set: result });
  }
}
