import { MongoServerError, type ChangeStream, type Db, type Document } from 'mongodb';
import { DUPLICATE_KEY } from '../../infra/mongo/duplicate-key.ts';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import { closingOnAbort } from '../../infra/mongo/closing-stream.ts';
import type { Collections, HistoryDocument } from '../../infra/mongo/collections.ts';
import { isPositionLost } from '../../infra/mongo/position-lost.ts';
import { pause } from '../../infra/pause.ts';
import { seenChange, STORY_PIPELINE, tokenText, type SeenChange } from './changes.ts';
import { storyOf } from './story.ts';

export type RecorderDeps = {
  /** Our own. */
  database: Db;
  collections: Pick<Collections, 'history' | 'resumeTokens' | 'audit'>;
  now: () => Date;
  log: Logger;
};

const POSITION = 'history';
const MAX_BATCH = 1_000;
/** Phases that were told last, remembered; others are looked up. */
const REMEMBERED = 20_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2_000;
const SAVE_WHEN_QUIET_MS = 5_000;
/** A hold is lifted while the request that lifts it is on record as begun, or was a moment ago. */
const LIFTED_WITHIN_MS = 60_000;
const LIFTS = ['BotService/StartBot', 'BotService/ReleaseBot', 'ScheduleService/ResumeSchedule'];

/**
 * Puts on record what happens to bots, schedules and runs, by the changes of their documents: so it costs those who write
 * them nothing. The position moves on once entries are written, and each is named by its change: a crash repeats work, and
 * loses and doubles nothing. To be run by one process at a time.
 */
export class HistoryRecorder {
  readonly #deps: RecorderDeps;
  readonly #last = new Map<string, string>();
  readonly #outage: OutageLog;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
    this.#outage = new OutageLog(deps.log, 'The record of what happens');
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    // Another one may have put something down meanwhile.
    this.#last.clear();
    while (!signal.aborted) {
      try {
        await this.#follow(signal, () => (failures = 0));
      } catch (error) {
        if (signal.aborted) return;
        this.#last.clear();
        if (isPositionLost(error))
          await this.#tellGap().catch((again: unknown) => this.#outage.failed(again));
        else this.#outage.failed(error);
        failures += 1;
        await pause(Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 8)), signal);
      }
    }
  }

  async #follow(signal: AbortSignal, onAlive: () => void): Promise<void> {
    const { database, collections } = this.#deps;
    const stored = await collections.resumeTokens.findOne({ _id: POSITION });
    const stream = database.watch(STORY_PIPELINE, {
      batchSize: MAX_BATCH,
      maxAwaitTimeMS: 500,
      ...(stored === null ? {} : { startAfter: stored.token }),
    });
    using _closing = closingOnAbort(stream, signal);
    try {
      let savedMs = 0;
      while (!signal.aborted) {
        const batch = await nextBatch(stream);
        this.#outage.recovered();
        onAlive();
        await this.#record(batch);
        if (batch.length === 0 && performance.now() - savedMs < SAVE_WHEN_QUIET_MS) continue;
        savedMs = performance.now();
        await collections.resumeTokens.updateOne(
          { _id: POSITION },
          { $set: { token: stream.resumeToken, at: new Date() } },
          { upsert: true },
        );
      }
    } finally {
      await stream.close().catch(() => undefined);
    }
  }

  async #record(batch: readonly SeenChange[]): Promise<void> {
    if (batch.length === 0) return;
    await this.#lookUp(batch.map(({ id }) => id));
    const entries: HistoryDocument[] = [];
    for (const change of batch) {
      const lifter = await this.#lifterOf(change);
      const before = this.#last.get(change.id) ?? '';
      const entry = storyOf(change, { before, ...(lifter === undefined ? {} : { lifter }) });
      if (entry === undefined) continue;
      entries.push(entry);
      if (entry.kind === 'phase' || entry.kind === 'run') this.#last.set(change.id, entry.after);
      if (entry.kind === 'removed') this.#last.set(change.id, '');
    }
    if (entries.length > 0) await insertNew(this.#deps.collections.history, entries);
    while (this.#last.size > REMEMBERED) this.#last.delete(this.#last.keys().next().value ?? '');
  }

  /** What was told last of those that are not remembered. */
  async #lookUp(ids: readonly string[]): Promise<void> {
    const unknown = [...new Set(ids)].filter((id) => !this.#last.has(id));
    await Promise.all(
      unknown.map(async (id) => {
        const entry = await this.#deps.collections.history.findOne(
          { story: id, id, kind: { $in: ['phase', 'run', 'removed'] } },
          { sort: { at: -1, _id: -1 }, projection: { after: 1 } },
        );
        this.#last.set(id, entry?.after ?? '');
      }),
    );
  }

  /** A document that is gone does not tell who deleted it; the audit does. */
  async #lifterOf({ collection, operation, id, at }: SeenChange): Promise<string | undefined> {
    if (collection !== 'holds' || operation !== 'delete') return undefined;
    const act = await this.#deps.collections.audit.findOne(
      { target: id, what: { $in: LIFTS }, at: { $gte: new Date(at.getTime() - LIFTED_WITHIN_MS) } },
      { sort: { at: -1, _id: -1 }, projection: { who: 1 } },
    );
    return act?.who;
  }

  async #tellGap(): Promise<void> {
    const { collections, now, log } = this.#deps;
    log.warn('What happened since the last entry cannot be put on record: MongoDB does not keep it any more');
    const at = now();
    await collections.history.insertOne({
      _id: `gap-${at.getTime()}`,
      at,
      kind: 'gap',
      subject: '',
      id: '',
      story: [],
      before: '',
      after: '',
      text: 'What happened since the entry before is not on record: nobody was there to put it down for too long.',
    });
    await collections.resumeTokens.deleteOne({ _id: POSITION });
  }
}

/** What is there by now; nothing, after half a second without any. */
async function nextBatch(stream: ChangeStream<Document>): Promise<SeenChange[]> {
  const batch: SeenChange[] = [];
  for (let change = await stream.tryNext(); change !== null; change = await stream.tryNext()) {
    const seen = seenChange(change);
    if (seen !== undefined) batch.push({ ...seen, token: seen.token || tokenText(stream.resumeToken) });
    if (batch.length >= MAX_BATCH || buffered(stream) === 0) break;
  }
  return batch;
}

const buffered = (stream: ChangeStream<Document>): number =>
  (stream as unknown as { cursor?: { bufferedCount(): number } }).cursor?.bufferedCount() ?? 0;

async function insertNew(
  history: Collections['history'],
  entries: readonly HistoryDocument[],
): Promise<void> {
  try {
    await history.insertMany([...entries], { ordered: false });
  } catch (error) {
    // Those that were put down before the crash.
    if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) throw error;
  }
}
