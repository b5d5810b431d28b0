import { OutageLog, type Logger } from '../../infra/logger.ts';
import type { BotLogDocument, Collections } from '../../infra/mongo/collections.ts';
import { flushDue, type FlushPolicy } from '../../model/flush-policy.ts';
import type { DataQueues } from '../../queues/data-queues.ts';

/** Output of one bot that is not known to be saved. */
type Unsaved = {
  bytes: number;
  sinceMs: number;
  /** Only a look says so: it is asked for once, and the next look sees what came of it. */
  looked?: true;
  asked?: { bytes: number; atMs: number; flushedAt: number | undefined; times: number };
};

/** What a bot was found to have printed last, and when that is worth another look. */
type Look = { newestMs: number | undefined; againAtMs: number; waitMs: number };

type Hint = Pick<BotLogDocument, '_id' | 'day' | 'bytes' | 'flushedAt'>;

/** A job that nothing came of is asked for again: Redis may have lost it. */
const ASK_AGAIN_MS = 15_000;
/** Then only the look of every minute still cares: there may be nothing in it that is kept, such as empty lines. */
const MOST_ASKS = 4;
/** The processor's clock, by which saves are dated, may differ from the engine's. */
const CLOCKS_MS = 1_000;
/** How soon a look that nothing came of is repeated, at first and at last: the bot may print nothing that is kept. */
const LOOK_AGAIN_MS = 50_000;
const MOST_LOOK_AGAIN_MS = 60 * 60_000;

/** Asks for the saving of output when it is due, by how much there is, how old it is, and what saving it costs. */
export class FlushAsker {
  readonly #botLogs: Collections['botLogs'];
  readonly #queues: Pick<DataQueues, 'add'>;
  readonly #policy: FlushPolicy;
  readonly #now: () => number;
  readonly #outage: OutageLog;
  readonly #unsaved = new Map<string, Unsaved>();
  #urgent = new Map<string, string>();
  /** The last look at each bot that was not seen to be saved. */
  #looks = new Map<string, Look>();

  constructor(options: {
    botLogs: Collections['botLogs'];
    queues: Pick<DataQueues, 'add'>;
    policy: FlushPolicy;
    now: () => number;
    log: Logger;
  }) {
    this.#botLogs = options.botLogs;
    this.#queues = options.queues;
    this.#policy = options.policy;
    this.#now = options.now;
    this.#outage = new OutageLog(options.log, 'Asking for logs to be saved');
  }

  /** It printed something. */
  output(botId: string, bytes: number): void {
    const known = this.#unsaved.get(botId);
    const isNew = known === undefined || (known.looked === true && known.asked !== undefined);
    if (isNew) this.#unsaved.set(botId, { bytes, sinceMs: this.#now() });
    else {
      known.bytes += bytes;
      delete known.looked;
    }
  }

  /** One of its containers ended: saved at once. */
  ended(botId: string): void {
    if (this.#urgent.size === 0) setImmediate(() => void this.#askUrgent());
    this.#urgent.set(botId, 'its container ended');
  }

  /** To be called once a second. Never throws. */
  async tick(): Promise<void> {
    try {
      await this.#askUrgent();
      if (this.#unsaved.size > 0) await this.#askDue();
      this.#outage.recovered();
    } catch (error) {
      this.#outage.failed(error);
    }
  }

  /**
   * Finds bots whose last output (undefined: not known) is newer than their last save and of which nothing else here knows.
   * Never throws.
   */
  async lookBack(bots: readonly { botId: string; newestMs: number | undefined }[]): Promise<void> {
    const newest = new Map<string, number | undefined>();
    for (const { botId, newestMs } of bots) newest.set(botId, later(newest.get(botId), newestMs));
    try {
      const hints = await this.#hints([...newest.keys()]);
      const looks = new Map<string, Look>();
      for (const [botId, newestMs] of newest) {
        const savedMs = hints.get(botId)?.flushedAt.getTime();
        const isSaved = savedMs !== undefined && newestMs !== undefined && newestMs <= savedMs + CLOCKS_MS;
        if (this.#unsaved.has(botId) || isSaved) continue;
        const look = this.#nextLook(botId, newestMs);
        looks.set(botId, look);
        if (look === this.#looks.get(botId)) continue;
        // Due at once, whatever the size of its log.
        this.#unsaved.set(botId, { bytes: 1, sinceMs: this.#now() - this.#policy.maxMs, looked: true });
      }
      this.#looks = looks;
    } catch (error) {
      this.#outage.failed(error);
    }
  }

  /** The look that is due now, or the last one, if it is not worth another yet. */
  #nextLook(botId: string, newestMs: number | undefined): Look {
    const now = this.#now();
    const last = this.#looks.get(botId);
    if (last?.newestMs !== newestMs || last === undefined)
      return { newestMs, againAtMs: now + LOOK_AGAIN_MS, waitMs: LOOK_AGAIN_MS };
    if (now < last.againAtMs) return last;
    const waitMs = Math.min(MOST_LOOK_AGAIN_MS, last.waitMs * 2);
    return { newestMs, againAtMs: now + waitMs, waitMs };
  }

  async #askDue(): Promise<void> {
    const now = this.#now();
    const hints = await this.#hints([...this.#unsaved.keys()]);
    const due: string[] = [];
    for (const [botId, unsaved] of this.#unsaved) {
      const hint = hints.get(botId);
      if (!this.#settle(botId, unsaved, hint)) continue;
      if (this.#isDue(unsaved, hint, now)) due.push(botId);
    }
    await this.#ask(
      due.map((botId) => ({ botId, cause: 'it printed something' })),
      hints,
    );
  }

  /** Takes off what a save that was asked for has covered. False if nothing is left to care about. */
  #settle(botId: string, unsaved: Unsaved, hint: Hint | undefined): boolean {
    const { asked } = unsaved;
    if (asked === undefined) return true;
    if (hint !== undefined && hint.flushedAt.getTime() !== asked.flushedAt) {
      unsaved.bytes -= asked.bytes;
      unsaved.sinceMs = asked.atMs;
      delete unsaved.asked;
    }
    const over = unsaved.bytes <= 0 || asked.times > MOST_ASKS || unsaved.looked === true;
    if (over) this.#unsaved.delete(botId);
    return !over;
  }

  #isDue(unsaved: Unsaved, hint: Hint | undefined, now: number): boolean {
    if (unsaved.asked !== undefined) return now - unsaved.asked.atMs >= ASK_AGAIN_MS;
    const today = new Date(now).toISOString().slice(0, 10).replaceAll('-', '');
    const objectBytes = hint?.day === today ? hint.bytes : 0;
    return flushDue({ objectBytes, newBytes: unsaved.bytes, ageMs: now - unsaved.sinceMs }, this.#policy);
  }

  async #askUrgent(): Promise<void> {
    const urgent = this.#urgent;
    if (urgent.size === 0) return;
    this.#urgent = new Map();
    try {
      const hints = await this.#hints([...urgent.keys()]);
      await this.#ask(
        [...urgent].map(([botId, cause]) => ({ botId, cause })),
        hints,
      );
    } catch (error) {
      this.#urgent = new Map([...urgent, ...this.#urgent]);
      this.#outage.failed(error);
    }
  }

  async #ask(jobs: readonly { botId: string; cause: string }[], hints: Map<string, Hint>): Promise<void> {
    if (jobs.length === 0) return;
    const atMs = this.#now();
    await this.#queues.add(jobs.map((job) => ({ queue: 'log-flush' as const, job })));
    for (const { botId } of jobs) {
      const unsaved = this.#unsaved.get(botId);
      if (unsaved === undefined) continue;
      unsaved.asked = {
        bytes: unsaved.bytes,
        atMs,
        flushedAt: hints.get(botId)?.flushedAt.getTime(),
        times: (unsaved.asked?.times ?? 0) + 1,
      };
    }
  }

  async #hints(botIds: readonly string[]): Promise<Map<string, Hint>> {
    const found = await this.#botLogs
      .find({ _id: { $in: [...botIds] } }, { projection: { day: 1, bytes: 1, flushedAt: 1 } })
      .toArray();
    return new Map(found.map((hint) => [hint._id, hint]));
  }
}

const later = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
