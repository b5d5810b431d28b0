import { ObjectId, type Collection } from 'mongodb';
import type { Logger } from '../../../infra/logger.ts';
import { messageOf } from '../../../infra/message-of.ts';
import type { AuditDocument } from '../../../infra/mongo/collections.ts';

export type Act = Pick<AuditDocument, 'who' | 'role' | 'tokenId' | 'what' | 'target' | 'why'>;
export type Outcome = { outcome: string; message?: string; target?: string };

const MAX_TARGET = 1_200;
const MAX_WHY = 400;
const MAX_MESSAGE = 1_000;

/** Keeps who did what. */
export class Audit {
  readonly #entries: Collection<AuditDocument>;
  readonly #now: () => Date;
  readonly #log: Logger;

  constructor(options: { entries: Collection<AuditDocument>; now: () => Date; log: Logger }) {
    this.#entries = options.entries;
    this.#now = options.now;
    this.#log = options.log;
  }

  /**
   * Before the act. What cannot be put on record is not done.
   * @throws what MongoDB threw
   */
  async begin(act: Act): Promise<ObjectId> {
    const _id = new ObjectId();
    await this.#entries.insertOne({ _id, at: this.#now(), ...bounded(act), outcome: 'begun' });
    return _id;
  }

  /** After it. Never rejects: it is done by then, and an entry that stays `begun` tells of it. */
  async end(_id: ObjectId, { outcome, message, target }: Outcome): Promise<void> {
    const $set = {
      outcome,
      endedAt: this.#now(),
      ...(message === undefined ? {} : { message: message.slice(0, MAX_MESSAGE) }),
      ...(target === undefined ? {} : { target: target.slice(0, MAX_TARGET) }),
    };
    await this.#entries.updateOne({ _id }, { $set }).catch((error: unknown) => {
      this.#log.error(
        { audit: _id.toHexString(), outcome, error: messageOf(error) },
        'The outcome of what was done could not be put on record',
      );
    });
  }

  /** What was refused before it began. Never rejects: it stays refused, on record or not. */
  async refused(act: Act, outcome: Outcome): Promise<void> {
    try {
      const at = this.#now();
      await this.#entries.insertOne({
        _id: new ObjectId(),
        at,
        endedAt: at,
        ...bounded(act),
        outcome: outcome.outcome,
        ...(outcome.message === undefined ? {} : { message: outcome.message.slice(0, MAX_MESSAGE) }),
      });
    } catch (error) {
      this.#log.warn(
        { who: act.who, what: act.what, target: act.target, error: messageOf(error) },
        'A refusal could not be put on record',
      );
    }
  }
}

/** A refused request may say anything at any length. */
const bounded = (act: Act): Act => ({
  ...act,
  target: act.target.slice(0, MAX_TARGET),
  why: act.why.slice(0, MAX_WHY),
});
