import type { Binary, ClientSession, Collection, MongoClient } from 'mongodb';
import type { EventSessionsDocument } from '../../infra/mongo/collections.ts';

/**
 * The sessions of one consumer's transactions, put on record for whoever takes over. A transaction whose process was
 * killed stays open on the server for a minute and refuses every other write to its bot; a process that was merely
 * stopped could even complete it. So a new consumer first ends its predecessor's sessions, and with them what was open.
 *
 * The sessions are this consumer's for as long as its client lives: given back to the driver, they could serve others
 * when the successor ends them.
 */
export class SessionPool {
  readonly #client: MongoClient;
  readonly #all: readonly ClientSession[];
  readonly #idle: ClientSession[];

  constructor(client: MongoClient, size: number) {
    this.#client = client;
    this.#all = Array.from({ length: size }, () => client.startSession());
    this.#idle = [...this.#all];
  }

  /** Ends the sessions on record under `name`, our own included (they go on working), and records ours. */
  async takeOver(collection: Collection<EventSessionsDocument>, name: string): Promise<void> {
    const before = await collection.findOne({ _id: name });
    if (before !== null && before.ids.length > 0)
      await this.#client.db('admin').command({ killSessions: before.ids.map((id) => ({ id })) });
    await collection.updateOne({ _id: name }, { $set: { ids: this.#all.map(idOf) } }, { upsert: true });
  }

  /**
   * Lends a session; there must be no more borrowers than sessions. The last one returned is lent first, so that a
   * transaction that could not be ended is ended soon, by the next one of the same session.
   */
  async lend<T>(work: (session: ClientSession) => Promise<T>): Promise<T> {
    const session = this.#idle.pop();
    if (session === undefined) throw new Error('more borrowers than sessions');
    try {
      return await work(session);
    } finally {
      this.#idle.push(session);
    }
  }
}

function idOf(session: ClientSession): Binary {
  if (session.id === undefined) throw new Error('the session has ended');
  return session.id.id;
}
