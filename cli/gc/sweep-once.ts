import { S3Client, s3Options } from '../../infra/s3/client.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { itemCount, type GcFindings } from '../../model/gc-report.ts';
import { keepReport } from '../../producers/gc/reports.ts';
import type { StorageReport } from '../../producers/gc/storage-sweep.ts';
import { withMongo } from '../connections.ts';
import { CliError } from '../errors.ts';
import { mongoClock } from '../mongo-clock.ts';
import type { Target } from '../target.ts';
import { askEngine } from './ask-engine.ts';
import { storageSweep } from './storage.ts';

const PATIENCE_MS = 3_000;

export type SweepOnceRequest = {
  dryRun: boolean;
  adoptOrphans: boolean;
  confirm?: string;
  onProgress?: (text: string) => void;
};

/** What `gc` shows. `engine`: null where no processor answered, and `engineProblem` says why. */
export type GcReport = {
  dryRun: boolean;
  adoptOrphans: boolean;
  storage: StorageReport;
  engine: GcFindings | null;
  engineProblem: string | null;
};

/** Sweeps storage from this process, and the engine by a processor; or looks what both would take. */
export function sweepOnce(target: Target, request: SweepOnceRequest): Promise<GcReport> {
  const { settings } = target;
  const { dryRun, adoptOrphans, confirm, onProgress } = request;
  return withMongo(target, async (collections, client) => {
    await assertOurs(collections, settings.INSTALLATION);
    const clock = await mongoClock(client, PATIENCE_MS);
    using s3 = new S3Client(s3Options(settings));
    const sweep = storageSweep({ settings, collections, s3, now: () => clock().getTime() });
    // Looked at first: what goes there is part of the share and of the code, and volumes without an owner are adopted
    // together with what storage has of them.
    const looked = await askEngine(target, { dryRun: true });
    const { unknown: alsoUnknown, going: alsoGoing = [] } =
      'findings' in looked ? looked.findings : { unknown: [] };
    const storage = await sweep.run({
      full: true,
      dryRun,
      alsoGoing,
      signal: new AbortController().signal,
      ...(adoptOrphans ? { adopt: { alsoUnknown } } : {}),
      ...(confirm === undefined ? {} : { confirm }),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    await keepReport(collections.gcReports, storage);
    const mayGoOn = !dryRun && storage.stopped === undefined;
    // Where a look found nothing, or nobody looked, there is nobody to be asked a second time.
    const isWorthIt = 'findings' in looked && (itemCount(looked.findings) > 0 || adoptOrphans);
    const answer =
      mayGoOn && isWorthIt
        ? await askEngine(target, {
            dryRun: false,
            ...(confirm === undefined
              ? {}
              : { confirmed: [...alsoGoing, ...(adoptOrphans ? alsoUnknown : [])] }),
          })
        : looked;
    return {
      dryRun,
      adoptOrphans,
      storage,
      engine: 'findings' in answer ? answer.findings : null,
      engineProblem: 'problem' in answer ? answer.problem : null,
    };
  });
}

/** A database of another installation says nothing about our buckets. One that is nobody's has no tombstones either. */
async function assertOurs({ installation }: Pick<Collections, 'installation'>, mine: string): Promise<void> {
  const owner = await installation.findOne({ _id: 'installation' });
  if (owner !== null && owner.value !== mine)
    throw new CliError(
      `These databases belong to installation "${owner.value}", and this is "${mine}" (INSTALLATION): nothing is swept`,
    );
}
