import type { Collection } from 'mongodb';
import { messageOf } from '../../infra/message-of.ts';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import type { GcReportDocument } from '../../infra/mongo/collections.ts';
import { pause } from '../../infra/pause.ts';
import { itemCount } from '../../model/gc-report.ts';
import { keepReport, lastFullLook } from './reports.ts';
import type { StorageReport, StorageSweep } from './storage-sweep.ts';

/** Whole buckets are looked through so often: what a deletion leaves is found without, so this is for what comes late. */
const FULL_EVERY_MS = 3_600_000;

export type LoopOptions = {
  sweep: Pick<StorageSweep, 'run'>;
  reports: Collection<GcReportDocument>;
  /** Asks a processor to sweep the engine. */
  askEngine: () => Promise<unknown>;
  everyMs: number;
  /** The installation's time, epoch milliseconds. */
  now: () => number;
  log: Logger;
  signal: AbortSignal;
  onReport?: (report: StorageReport) => void;
  /** Why nothing is deleted, for readiness; undefined once it is again. */
  onStopped?: (reason: string | undefined) => void;
  /** At each step of a turn, and at its end, whatever came of it. */
  onProgress?: () => void;
};

/** Sweeps storage at once and then periodically, until the signal aborts. What fails is tried again next time. */
export async function sweepStorage(options: LoopOptions): Promise<void> {
  const { everyMs, log, signal } = options;
  const looking = new OutageLog(log, 'What gc needs to look');
  const asking = new OutageLog(log, 'The queue to ask for a sweep of the engine');
  let told: string | undefined;
  while (!signal.aborted) {
    try {
      const report = await turn(options, told);
      looking.recovered();
      if (report.stopped !== undefined && report.stopped !== told)
        log.warn({ code: report.code }, `Nothing was swept. ${report.stopped}`);
      told = report.stopped;
    } catch (error) {
      if (signal.aborted) return;
      looking.failed(error);
    }
    try {
      await options.askEngine();
      asking.recovered();
    } catch (error) {
      asking.failed(error);
    }
    options.onProgress?.();
    await pause(everyMs, signal);
  }
}

async function turn(options: LoopOptions, told: string | undefined): Promise<StorageReport> {
  const { sweep, reports, now, log, signal } = options;
  const last = await lastFullLook(reports);
  // One of a time to come was made by a clock that was set back since.
  const sinceMs = last === undefined ? undefined : now() - last.getTime();
  const full = sinceMs === undefined || sinceMs < 0 || sinceMs >= FULL_EVERY_MS;
  const report = await sweep.run({
    full,
    dryRun: false,
    signal,
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  });
  options.onReport?.(report);
  options.onStopped?.(report.stopped);
  const { counts, problems, unknownCount } = report;
  const swept = report.stopped === undefined ? itemCount(report) : 0;
  if (swept > 0 || problems.length > 0)
    log.info({ full, ...counts, problems, unknownCount }, 'Storage was swept');
  // A turn that found nothing is not worth a record; a full one is, since it says when the next is due.
  if (full || swept > 0 || problems.length > 0 || report.stopped !== told)
    await keepReport(reports, report).catch((error: unknown) =>
      log.warn({ error: messageOf(error) }, 'The report of a sweep could not be kept'),
    );
  return report;
}
