import { handleBatch, type Batch, type TickDeps } from './batch.ts';
import type { TickMetrics } from './metrics.ts';

/** How a pass ended. `stopped`: what is still due is left to others. */
export type Pass = { schedules: number; ticks: number; stopped: boolean };

export type DueBookDeps = TickDeps & {
  metrics?: Pick<TickMetrics, 'count'>;
  monotonicMs?: () => number;
};

/** Between two lines in the log that say how much was handled. Each pass, and each tick, is told at level debug. */
const TELL_EVERY_MS = 60_000;

/**
 * Handles everything that is due, whoever asks: one pass at a time for the whole process. Alarms that ring while a pass is
 * under way share the next one, so that the ten thousand of one minute cost a few bulk operations.
 */
export class DueBook {
  readonly #deps: DueBookDeps;
  #current: Promise<Pass> | undefined;
  #next: Promise<Pass> | undefined;
  #stopped = false;
  /** What the log has not told of yet. */
  #untold = new Tally();
  #toldAtMs = -Infinity;

  constructor(deps: DueBookDeps) {
    this.#deps = deps;
  }

  /** Resolves when all that was due at the time of this call has been recorded and queued. */
  handleDue(): Promise<Pass> {
    if (this.#next !== undefined) return this.#next;
    if (this.#current === undefined) return this.#begin();
    const begin = (): Promise<Pass> => this.#begin();
    this.#next = this.#current.then(begin, begin);
    return this.#next;
  }

  /** Passes end with the batch at hand. */
  stop(): void {
    this.#stopped = true;
    this.#summarise();
  }

  #begin(): Promise<Pass> {
    this.#next = undefined;
    this.#current = this.#pass().finally(() => {
      this.#current = undefined;
    });
    return this.#current;
  }

  async #pass(): Promise<Pass> {
    const pass: Pass = { schedules: 0, ticks: 0, stopped: false };
    const rests: Promise<void>[] = [];
    const tally = new Tally();
    try {
      for (let more = true; more;) {
        if (this.#stopped) {
          pass.stopped = true;
          break;
        }
        const batch = await handleBatch(this.#deps);
        rests.push(batch.rest);
        // Its failure is told below; until then somebody has to listen.
        batch.rest.catch(() => undefined);
        more = batch.more;
        this.#report(batch);
        tally.add(batch);
      }
    } finally {
      pass.schedules = tally.schedules.size;
      pass.ticks = tally.ticks;
      this.#tell(tally);
    }
    await Promise.all(rests);
    return pass;
  }

  #report({ ledgers, takenMs }: Batch): void {
    const { log, metrics } = this.#deps;
    for (const { ticks } of ledgers) for (const tick of ticks) metrics?.count(tick, takenMs);
    for (const { due, nextAt } of ledgers)
      if ('stopped' in due.rule && nextAt === undefined)
        log.info({ scheduleId: due.status._id, reason: due.rule.stopped }, 'Schedule does not tick any more');
    if (!log.isLevelEnabled('debug')) return;
    for (const { ticks } of ledgers)
      for (const { runId, reason, nominalMs } of ticks)
        log.debug({ runId, reason, lateMs: Math.round(takenMs - nominalMs) }, 'Tick');
  }

  #tell(tally: Tally): void {
    const { log, monotonicMs = () => performance.now() } = this.#deps;
    const { schedules, ticks, runs, missed } = tally;
    if (ticks > 0) log.debug({ schedules: schedules.size, ticks, runs }, 'Ticks of one pass handled');
    this.#untold.join(tally);
    // Also what passes after a stop was asked for handled.
    if (this.#stopped || monotonicMs() - this.#toldAtMs >= TELL_EVERY_MS) this.#summarise();
    if (missed.ticks === 0) return;
    const fields = {
      missed: missed.ticks,
      schedules: missed.schedules.size,
      from: new Date(missed.fromMs).toISOString(),
      to: new Date(missed.toMs).toISOString(),
    };
    log.warn(fields, 'Ticks were missed: each has its record, by the misfire policy of its schedule');
  }

  #summarise(): void {
    const { log, monotonicMs = () => performance.now() } = this.#deps;
    const { schedules, ticks, runs } = this.#untold;
    if (ticks === 0) return;
    log.info({ schedules: schedules.size, ticks, runs }, 'Ticks handled');
    this.#untold = new Tally();
    this.#toldAtMs = monotonicMs();
  }
}

/** What one pass or more came to, for the log. */
class Tally {
  readonly schedules = new Set<string>();
  ticks = 0;
  runs = 0;
  readonly missed = { ticks: 0, schedules: new Set<string>(), fromMs: Infinity, toMs: -Infinity };

  add({ ledgers }: Batch): void {
    for (const { due, ticks } of ledgers) {
      if (ticks.length > 0) this.schedules.add(due.status._id);
      for (const { nominalMs, runs, missed } of ticks) {
        this.ticks += 1;
        if (runs) this.runs += 1;
        if (!missed) continue;
        this.missed.ticks += 1;
        this.missed.schedules.add(due.status._id);
        this.missed.fromMs = Math.min(this.missed.fromMs, nominalMs);
        this.missed.toMs = Math.max(this.missed.toMs, nominalMs);
      }
    }
  }

  /** Less what was missed: each pass tells of that itself. */
  join({ schedules, ticks, runs }: Tally): void {
    for (const id of schedules) this.schedules.add(id);
    this.ticks += ticks;
    this.runs += runs;
  }
}
