import { ContainerMissing } from '../../infra/engine/errors.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { Logger } from '../../infra/logger.ts';
import { messageOf } from '../../infra/message-of.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { pause } from '../../infra/pause.ts';
import { ConditionFailed, S3Error } from '../../infra/s3/errors.ts';
import type { HonouredConditions } from '../../infra/s3/probe.ts';
import { NotKept } from '../keeping.ts';
import type { LogLimits } from './batch.ts';
import type { Exclusive } from './exclusive.ts';
import { LogObjects, type LogStorage } from './log-object.ts';
import type { LogMetrics } from './metrics.ts';
import { flushPass, type Flushed } from './pass.ts';

export type LogKeeperOptions = {
  engine: Pick<Engine, 'list' | 'logs' | 'inspect'>;
  s3: LogStorage;
  bucket: string;
  collections: Pick<Collections, 'botLogs'>;
  limits: LogLimits;
  /** LOG_ENGINE_MB in bytes: by it a first flush sees that it may have come too late. */
  engineBytes?: number;
  /** Of `probeConditions`. */
  conditions: HonouredConditions;
  /** Stands in where S3 does not honour conditions. */
  exclusive: Exclusive;
  metrics: LogMetrics;
  /** The trusted clock, epoch milliseconds. */
  now: () => number;
  /** For the pause of one who was not quick enough. */
  random?: () => number;
  log: Logger;
  /** How long the final flush of a container may take. */
  outputTimeoutMs?: number;
};

/** So often another may be quicker before a flush is left to them. */
const ATTEMPTS = 8;
const CONFLICT_PAUSE_MS = 100;
/** Another may have many writes to do, each of which makes ours fail. */
const MOST_CONFLICT_PAUSE_MS = 3_000;
/** Output is not kept waiting for a database that is away. */
const HINT_TIMEOUT_MS = 2_000;
const DAYS_KNOWN = 10_000;

/** Saves what bots print. Any number of processors may do so for the same bot at the same time. */
export class LogKeeper {
  readonly #options: LogKeeperOptions;
  readonly #objects: LogObjects;
  /** Day of each bot's newest object, as this process saw it last. */
  readonly #days = new Map<string, string>();

  constructor(options: LogKeeperOptions) {
    const { s3, bucket, conditions, log, metrics } = options;
    this.#options = options;
    this.#objects = new LogObjects({
      s3,
      bucket,
      conditions,
      log,
      onUploaded: (bytes) => metrics.uploaded(bytes),
      onCopied: (bytes) => metrics.copied(bytes),
    });
  }

  /** Saves everything a bot or schedule has printed by now. Doing it twice, or in two processes, saves it once. */
  flush(id: string, signal: AbortSignal): Promise<Flushed> {
    return this.#flush(id, false, signal);
  }

  async #flush(id: string, final: boolean, signal: AbortSignal): Promise<Flushed> {
    const { exclusive, conditions } = this.#options;
    const honoured = conditions.create && conditions.replace && conditions.complete;
    if (honoured) return this.#untilAlone({ id, final, signal }, () => undefined);
    return exclusive(id, signal, (held) =>
      this.#untilAlone({ id, final, signal: held.signal }, () => held.throwIfLost()),
    );
  }

  /**
   * `Keeping.output`: saves what an ended container printed, in bounded time.
   * @throws NotKept when S3 does not take it: the container, which holds it, has to stay.
   */
  async output(id: string, containerId: string, signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.timeout(this.#options.outputTimeoutMs ?? 20_000);
    try {
      const within = AbortSignal.any([signal, limit]);
      if (await isSilent(this.#options.engine, containerId, within)) return;
      const { left } = await this.#flush(id, true, within);
      if (left.includes(containerId))
        throw new NotKept(`The log of ${id} is about more containers at once than it can tell apart`);
    } catch (error) {
      signal.throwIfAborted();
      if (limit.aborted)
        throw new NotKept(`The output of ${id} could not be saved in time`, { cause: error });
      if (error instanceof S3Error)
        throw new NotKept(`The output of ${id} could not be saved: ${error.message}`, { cause: error });
      throw error;
    }
  }

  async #untilAlone(
    { id, final, signal }: { id: string; final: boolean; signal: AbortSignal },
    check: () => void,
  ): Promise<Flushed> {
    const { engine, limits, engineBytes, now, random = Math.random, metrics, log } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const hint = await this.#hint(id);
        return await flushPass(
          {
            engine,
            objects: this.#objects,
            limits,
            engineBytes,
            now,
            check,
            saved: (flush) => this.#saved(flush),
          },
          { id, hint, final, signal },
        );
      } catch (error) {
        if (!(error instanceof ConditionFailed) || attempt >= ATTEMPTS) throw error;
        metrics.conflict();
        log.debug({ botId: id, attempt, error: messageOf(error) }, 'another saved the log first');
        const most = Math.min(MOST_CONFLICT_PAUSE_MS, CONFLICT_PAUSE_MS * 2 ** attempt);
        await pause(random() * most, signal);
        signal.throwIfAborted();
      }
    }
  }

  async #hint(id: string): Promise<string | undefined> {
    const known = this.#days.get(id);
    if (known !== undefined) return known;
    const { botLogs } = this.#options.collections;
    const found = await botLogs
      .findOne({ _id: id }, { projection: { day: 1 }, timeoutMS: HINT_TIMEOUT_MS })
      .catch(() => null);
    return found?.day;
  }

  /** The hint is for those who ask for flushes, and saves a listing: the truth is in the object itself. */
  async #saved(flush: Parameters<Parameters<typeof flushPass>[0]['saved']>[0]): Promise<void> {
    const { collections, metrics, now, log } = this.#options;
    const { place, dropped, gaps, bytes, firstTime } = flush;
    metrics.flushed({
      bytes,
      droppedBytes: dropped.bytes,
      gaps,
      lagMs: firstTime === undefined ? undefined : now() - Date.parse(firstTime),
    });
    this.#days.delete(place.id);
    this.#days.set(place.id, place.day);
    const [oldest] = this.#days.keys();
    if (this.#days.size > DAYS_KNOWN && oldest !== undefined) this.#days.delete(oldest);
    const hint = {
      day: place.day,
      bytes: place.bytes,
      flushedAt: new Date(now()),
      droppedBytes: place.cursor.left.bytes,
    };
    await collections.botLogs
      .updateOne({ _id: place.id }, { $set: hint }, { upsert: true, timeoutMS: HINT_TIMEOUT_MS })
      .catch((error: unknown) =>
        log.debug({ botId: place.id, error: messageOf(error) }, 'hint of a log not written'),
      );
  }
}

/** Many a run prints nothing, and S3 need not hear of it. */
async function isSilent(
  engine: Pick<Engine, 'logs'>,
  containerId: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    for await (const _entry of engine.logs(containerId, { tail: 1, signal })) return false;
  } catch (error) {
    // Somebody removed it by hand: what it said went with it.
    if (!(error instanceof ContainerMissing)) throw error;
  }
  return true;
}
