import type { Collection } from 'mongodb';
import type { GcReportDocument } from '../../infra/mongo/collections.ts';
import { bounded } from '../../model/gc-report.ts';
import type { StorageReport } from './storage-sweep.ts';

/** Keeps what a sweep of storage did. A dry run is for who asked for it alone. */
export async function keepReport(
  reports: Collection<GcReportDocument>,
  { dryRun, code: _code, ...report }: StorageReport,
): Promise<void> {
  if (!dryRun) await reports.insertOne({ part: 'storage', ...bounded(report) } as GcReportDocument);
}

/** When whole buckets were last looked through, by whichever process. */
export async function lastFullLook(reports: Collection<GcReportDocument>): Promise<Date | undefined> {
  const [last] = await reports
    .find({ full: true })
    .sort({ startedAt: -1 })
    .limit(1)
    .project<Pick<GcReportDocument, 'startedAt'>>({ startedAt: 1 })
    .toArray();
  return last?.startedAt;
}
