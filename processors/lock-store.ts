import type { Collection, UpdateFilter } from 'mongodb';
import { Grouped } from '../infra/mongo/grouped.ts';
import { takeEach } from '../infra/mongo/take-each.ts';
import { updateEach, type UpdateFailure } from '../infra/mongo/update-each.ts';
import type { BotStatus } from '../model/status.ts';

export type Holder = { botId: string; token: number; owner: string };
export type StatusUpdate = UpdateFilter<BotStatus> | object[];

type Taking = { botId: string; owner: string; ttlMs: number };
type Writing = { holder: Holder; update: StatusUpdate; letsGo: boolean };

/**
 * What the locks of one processor do in MongoDB. Under load the takings and the writes of many bots go as one command
 * each: a command that waits for the majority costs the same for one bot as for a hundred. Each is still filtered by its
 * own bot's token and judged by itself.
 */
export class LockStore {
  readonly #statuses: Collection<BotStatus>;
  readonly #takings: Grouped<Taking, BotStatus | Error | undefined>;
  readonly #writings: Grouped<Writing, boolean | Error>;

  constructor(statuses: Collection<BotStatus>) {
    this.#statuses = statuses;
    this.#takings = new Grouped((group) => this.#takeAll(group));
    this.#writings = new Grouped((group) => this.#writeAll(group));
  }

  /** Takes the bot's lock for `owner`, whose name is unique to this taking. Undefined while another holds it. */
  async take(taking: Taking): Promise<BotStatus | undefined> {
    return valueOf(await this.#takings.ask(taking));
  }

  /** Writes, only while `holder` has the lock; false if it has it no more. `letsGo`: the update ends the holding. */
  async write(holder: Holder, update: StatusUpdate, letsGo: boolean): Promise<boolean> {
    return valueOf(await this.#writings.ask({ holder, update, letsGo }));
  }

  /** Deletes the status with the lock. */
  async remove(holder: Holder): Promise<void> {
    await this.#statuses.deleteOne(heldBy(holder));
  }

  async #takeAll(group: readonly Taking[]): Promise<(BotStatus | Error | undefined)[]> {
    const taken = await takeEach(
      this.#statuses,
      group.map(({ botId, owner, ttlMs }) => ({ id: botId, owner, update: takeIfFree(owner, ttlMs) })),
      ({ lock }) => lock?.owner,
    );
    return taken.map(({ document, failure }) => (failure === undefined ? document : notWritten(failure)));
  }

  async #writeAll(group: readonly Writing[]): Promise<(boolean | Error)[]> {
    const { matched, failures } = await updateEach(
      this.#statuses,
      group.map(({ holder, update }) => ({ filter: heldBy(holder), update })),
    );
    if (matched === group.length) return group.map(() => true);
    // Somebody has lost the lock. The answer only counts; who it was shows in the documents: whoever takes a lock over
    // raises the token, so a document that still has ours, with our name or let go by us, has our write.
    const found = await this.#statuses
      .find({ _id: { $in: group.map(({ holder }) => holder.botId) } }, { projection: { token: 1, lock: 1 } })
      .toArray();
    const byId = new Map(found.map((status) => [status._id, status]));
    return group.map(({ holder, letsGo }, index) => {
      const failure = failures.get(index);
      if (failure !== undefined) return notWritten(failure);
      const now = byId.get(holder.botId);
      return now?.token === holder.token && (letsGo ? now.lock === null : now.lock?.owner === holder.owner);
    });
  }
}

const notWritten = ({ why, cause }: UpdateFailure): Error =>
  new Error(`The status was not written: ${why}`, { cause });

function valueOf<T>(answer: T | Error): T {
  if (answer instanceof Error) throw answer;
  return answer;
}

const heldBy = ({ botId, token, owner }: Holder): object => ({
  _id: botId,
  'lock.token': token,
  'lock.owner': owner,
});

/** An update that takes the lock if it is free, and changes nothing otherwise. */
function takeIfFree(owner: string, ttlMs: number): object[] {
  const isFree = { $or: [{ $eq: [{ $ifNull: ['$lock', null] }, null] }, { $lt: ['$lock.until', '$$NOW'] }] };
  const ifFree = (taken: unknown, field: string): object => ({ $cond: ['$$free', taken, field] });
  const initially = (field: string, value: unknown): object => ({ $ifNull: [`$${field}`, value] });
  // Seeded by the clock, so that tokens go on rising even after the document was deleted with its bot.
  const nextToken = { $max: [{ $add: [initially('token', 0), 1] }, { $toLong: '$$NOW' }] };
  return [
    {
      $replaceWith: {
        $let: {
          vars: { free: isFree, next: nextToken },
          in: {
            $mergeObjects: [
              '$$ROOT',
              {
                token: ifFree('$$next', '$token'),
                lock: ifFree({ token: '$$next', owner, until: { $add: ['$$NOW', ttlMs] } }, '$lock'),
                phase: initially('phase', 'pending'),
                reason: initially('reason', 'Seen, not started yet.'),
                since: initially('since', '$$NOW'),
                updatedAt: initially('updatedAt', '$$NOW'),
                restarts: initially('restarts', 0),
                consecutiveFailures: initially('consecutiveFailures', 0),
              },
            ],
          },
        },
      },
    },
  ];
}
