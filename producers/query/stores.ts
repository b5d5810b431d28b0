import { MongoError } from 'mongodb';
import type { Collections, QueryContainerDocument } from '../../infra/mongo/collections.ts';
import type { BotDocument } from '../../model/bots.ts';
import { QueryFailure } from './failure.ts';

type Stores = Pick<Collections, 'bots' | 'schedules' | 'queryContainers' | 'queryRequests'>;

/** Readmes and schemas may be many kilobytes, and decide nothing. */
const WITHOUT = {
  _id: 0,
  'custom.config.readme': 0,
  'custom.config.schema': 0,
  'custom.config.metadata': 0,
} as const;

export type SingleAnswer = { answer?: string; problem?: { reason: string; status: number } };

/** What the query server reads and writes. Where MongoDB is away, each call throws a `QueryFailure` (503). */
export class QueryStores {
  readonly #stores: Stores;
  readonly #now: () => number;
  constructor(options: { stores: Stores; now: () => number }) {
    this.#stores = options.stores;
    this.#now = options.now;
  }

  /** A bot or a schedule, enabled or not, and how its queries are answered at present. */
  async read(
    botId: string,
  ): Promise<{ bot: BotDocument | undefined; container: QueryContainerDocument | undefined }> {
    const options = { projection: WITHOUT };
    const [bot, schedule, container] = await reached(
      Promise.all([
        this.#stores.bots.findOne({ id: botId }, options),
        this.#stores.schedules.findOne({ id: botId }, options),
        this.#stores.queryContainers.findOne({ _id: botId }),
      ]),
    );
    return { bot: bot ?? schedule ?? undefined, container: container ?? undefined };
  }

  async container(botId: string): Promise<QueryContainerDocument | undefined> {
    return (await reached(this.#stores.queryContainers.findOne({ _id: botId }))) ?? undefined;
  }

  /** Says that somebody wants its queries answered; `server`: the container that is to be let in. */
  async want(botId: string, server: string | undefined): Promise<void> {
    const now = new Date(this.#now());
    await reached(
      this.#stores.queryContainers.updateOne(
        { _id: botId },
        {
          $set: { usedAt: now },
          $setOnInsert: { state: 'preparing', fingerprint: '', revision: 0, updatedAt: now },
          ...(server === undefined ? {} : { $addToSet: { servers: server } }),
        },
        { upsert: true },
      ),
    );
  }

  async touch(botId: string): Promise<void> {
    await reached(
      this.#stores.queryContainers.updateOne({ _id: botId }, { $set: { usedAt: new Date(this.#now()) } }),
    );
  }

  /** Notes of this very container what was found of it. */
  async note(botId: string, containerId: string, what: 'listening' | 'broken' | 'silent'): Promise<void> {
    await reached(
      this.#stores.queryContainers.updateOne({ _id: botId, containerId }, { $set: { [what]: containerId } }),
    );
  }

  async request(
    id: string,
    query: { botId: string; path: string; params: string; timeoutMs: number },
  ): Promise<void> {
    await reached(
      this.#stores.queryRequests.insertOne({ _id: id, ...query, createdAt: new Date(this.#now()) }),
    );
  }

  async answerOf(id: string): Promise<SingleAnswer | undefined> {
    return (
      (await reached(
        this.#stores.queryRequests.findOne({ _id: id }, { projection: { answer: 1, problem: 1 } }),
      )) ?? undefined
    );
  }

  async forgetRequest(id: string): Promise<void> {
    await reached(this.#stores.queryRequests.deleteOne({ _id: id }));
  }
}

async function reached<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof MongoError)) throw error;
    throw new QueryFailure(503, 'the database is away: try again soon', { cause: error });
  }
}
