import type { Collections } from '../../infra/mongo/collections.ts';
import { messageOf } from '../../infra/message-of.ts';
import { deletedBefore, fatesOf, writeTombstones } from '../../infra/mongo/tombstones.ts';
import { BucketMissing, S3Error, S3Unavailable } from '../../infra/s3/errors.ts';
import { Findings, type GcFindings } from '../../model/gc-report.ts';
import { tooMuch } from '../../model/gc-share.ts';
import { removeAged, StaleUploads } from './aged.ts';
import {
  removeBotData,
  removeBotRecords,
  type BotRecords,
  type Buckets,
  type Gone,
  type ObjectStore,
} from './bot-data.ts';
import { confirmationCode } from './decide.ts';
import { prefixesOf, type BucketKind } from './keys.ts';
import { Survey, type Aged, type SurveyPolicy } from './survey.ts';
import { tell, whyDeleted } from './tell.ts';

export type StoragePolicy = SurveyPolicy & { maxSharePercent: number };

export type StorageSweepDeps = {
  s3: ObjectStore;
  buckets: Buckets;
  collections: BotRecords & Pick<Collections, 'bots' | 'schedules' | 'eventOrder' | 'scheduleEventOrder'>;
  policy: StoragePolicy;
  /** The installation's time, epoch milliseconds: no host's wrong clock makes anything old. */
  now: () => number;
};

export type SweepRequest = {
  /** Look through whole buckets; otherwise only at what belongs to bots that were deleted since this sweep last looked. */
  full: boolean;
  /** Only tell. */
  dryRun: boolean;
  signal: AbortSignal;
  /** Take leftovers without a tombstone along, these of the engine among them. Needs `full`. */
  adopt?: { alsoUnknown: readonly string[] };
  /** The code that a dry run showed: what it showed may go, whatever share it is. */
  confirm?: string;
  /** Ids of which something goes from the engine: part of the share, and of the code. */
  alsoGoing?: readonly string[];
  onProgress?: (text: string) => void;
};

export type StorageReport = GcFindings & {
  full: boolean;
  dryRun: boolean;
  startedAt: Date;
  endedAt: Date;
  /** Why nothing was deleted. */
  stopped?: string;
  /** Stands for the bots whose data goes; absent where there are none. */
  code?: string;
};

const EMPTY_DATABASE =
  'The database holds no bot and no schedule at all: it may be the wrong one, so nothing is adopted (GC_MAX_SHARE=100 says that it is the right one)';
const NOT_WHAT_WAS_CONFIRMED =
  'What would go is not what was confirmed: look again with a dry run, and confirm its code';
const NOT_CONFIRMED = 'Leftovers without a tombstone go only once the code of a dry run is given back';

/** After so many bots in a row for which S3 did not answer, the sweep ends. */
const MOST_AWAY = 3;

/** How S3 is swept: looks first, decides, then deletes. Safe to run at any time, twice at once too. */
export class StorageSweep {
  readonly #deps: StorageSweepDeps;
  /** Bots whose data this process has deleted, with the time of their deletion: not looked for again at every sweep. */
  #done = new Map<string, number>();

  constructor(deps: StorageSweepDeps) {
    this.#deps = deps;
  }

  /** Throws where it could not look: then nothing was deleted. What goes wrong later is a problem in the report. */
  async run(request: SweepRequest): Promise<StorageReport> {
    const { collections, policy } = this.#deps;
    const nowMs = this.#deps.now();
    const findings = new Findings();
    const survey = new Survey({ stores: collections, policy, nowMs });
    const quiet = await this.#surveyDeleted(survey, request, nowMs);
    if (request.full) await this.#surveyBuckets(survey, request, findings);
    const uploads = new StaleUploads(this.#deps, nowMs - policy.staleMs);
    if (request.full) await uploads.look(request.signal);

    const adopted = await this.#adoptable(survey, request, nowMs);
    const going = new Set([...survey.deleted.keys(), ...adopted, ...(request.alsoGoing ?? [])]);
    const code = going.size === 0 ? undefined : confirmationCode(going);
    const stopped = await this.#objection(request, { going: going.size, adopted: adopted.length, code });
    for (const id of survey.unknown.keys()) if (!going.has(id)) findings.unknown(id);
    // What is too old of a bot that is let go by hand goes with it.
    const aged = survey.aged.filter(({ id }) => id === undefined || !going.has(id));

    if (stopped !== undefined || request.dryRun) tell(findings, survey, { adopted, aged, uploads, nowMs });
    else await this.#delete({ survey, adopted, aged, uploads, quiet, findings, request, nowMs });
    return {
      ...findings.result(),
      full: request.full,
      dryRun: request.dryRun,
      startedAt: new Date(nowMs),
      endedAt: new Date(this.#deps.now()),
      ...(stopped === undefined ? {} : { stopped }),
      ...(code === undefined ? {} : { code }),
    };
  }

  /** Looks at the prefixes of bots deleted long enough ago. Gives those of which nothing is there. */
  async #surveyDeleted(
    survey: Survey,
    { full, signal, onProgress }: SweepRequest,
    nowMs: number,
  ): Promise<{ id: string; at: Date }[]> {
    const { s3, buckets, collections, policy } = this.#deps;
    const quiet: { id: string; at: Date }[] = [];
    const done = new Map<string, number>();
    let looked = 0;
    for await (const batch of deletedBefore(collections, new Date(nowMs - policy.graceMs)))
      for (const tombstone of batch) {
        const { id, at } = tombstone;
        signal.throwIfAborted();
        if (this.#done.get(id) === at.getTime()) {
          done.set(id, at.getTime());
          continue;
        }
        onProgress?.(`looked at ${(looked += 1)} bots that were deleted`);
        // A look through whole buckets finds them anyway.
        if (!full)
          for (const [kind, prefix] of prefixesOf(id))
            await ifThere(async () => {
              for await (const page of s3.bulk.pages(buckets[kind], prefix, { signal }))
                await survey.look(kind, page);
              survey.endBucket();
            });
        quiet.push(tombstone);
      }
    // Those whose tombstone has expired are forgotten.
    this.#done = done;
    return quiet;
  }

  async #surveyBuckets(
    survey: Survey,
    { signal, onProgress }: SweepRequest,
    findings: Findings,
  ): Promise<void> {
    const { s3, buckets } = this.#deps;
    const wholes: [BucketKind, string][] = [
      ['logs', 'logs/'],
      ['state', ''],
      ['queries', ''],
    ];
    for (const [kind, prefix] of wholes) {
      const isThere = await ifThere(async () => {
        for await (const page of s3.bulk.pages(buckets[kind], prefix, { signal })) {
          await survey.look(kind, page);
          onProgress?.(`looked at ${survey.objects} objects, now in ${buckets[kind]}`);
        }
        survey.endBucket();
      });
      // The one of query results may never have been made.
      if (!isThere && kind !== 'queries') findings.problem(`There is no bucket ${buckets[kind]}`);
    }
    if (survey.isCut) findings.problem('More is too old than one sweep takes: the next one goes on');
  }

  /** Leftovers without tombstone that a person may let go: none that was touched within the grace. */
  async #adoptable(survey: Survey, { adopt }: SweepRequest, nowMs: number): Promise<string[]> {
    if (adopt === undefined) return [];
    const { collections, policy } = this.#deps;
    const old = [...survey.unknown].filter(([, pile]) => nowMs - pile.newestMs > policy.graceMs);
    const others = adopt.alsoUnknown.filter((id) => !survey.unknown.has(id));
    const fates = await fatesOf(collections, others);
    return [...old.map(([id]) => id), ...others.filter((id) => fates.get(id)?.kind === 'unknown')];
  }

  /** Why nothing is to be deleted, if so. */
  async #objection(
    { confirm, dryRun }: SweepRequest,
    found: { going: number; adopted: number; code: string | undefined },
  ): Promise<string | undefined> {
    const { collections, policy } = this.#deps;
    const { going, adopted, code } = found;
    if (going === 0) return confirm === undefined ? undefined : NOT_WHAT_WAS_CONFIRMED;
    const counts = await Promise.all([
      collections.bots.estimatedDocumentCount(),
      collections.schedules.estimatedDocumentCount(),
    ]);
    const living = counts[0] + counts[1];
    if (adopted > 0 && living === 0 && policy.maxSharePercent < 100) return EMPTY_DATABASE;
    if (confirm !== undefined) return confirm === code ? undefined : NOT_WHAT_WAS_CONFIRMED;
    if (adopted > 0) return dryRun ? undefined : NOT_CONFIRMED;
    return tooMuch({ going, living }, policy.maxSharePercent);
  }

  async #delete(work: {
    survey: Survey;
    adopted: readonly string[];
    aged: readonly Aged[];
    uploads: StaleUploads;
    quiet: readonly { id: string; at: Date }[];
    findings: Findings;
    request: SweepRequest;
    nowMs: number;
  }): Promise<void> {
    const { survey, adopted, aged, uploads, quiet, findings, request, nowMs } = work;
    const { s3, buckets, collections, policy } = this.#deps;
    try {
      await writeTombstones(collections, adopted, new Date(nowMs - policy.graceMs));
      const byHand = new Set(adopted);
      let away = 0;
      const ids = [...survey.deleted.keys(), ...adopted];
      for (const [index, id] of ids.entries()) {
        request.signal.throwIfAborted();
        try {
          await this.#deleteBot(id, byHand.has(id), { findings, request, nowMs });
          away = 0;
        } catch (error) {
          // One that cannot be deleted keeps no other from going; S3 that is away for some in a row is away for all.
          if (!(error instanceof S3Error) || request.signal.aborted) throw error;
          if (error instanceof S3Unavailable && (away += 1) >= MOST_AWAY) throw error;
          findings.problem(`Of ${id} something is left: ${messageOf(error)}`);
        }
        request.onProgress?.(`deleted the data of ${index + 1} of ${ids.length} bots`);
      }
      await this.#deleteQuiet(quiet.filter(({ id }) => !survey.deleted.has(id)));
      const { signal, onProgress } = request;
      await removeAged({ s3, buckets, findings, signal, onProgress }, aged);
      await uploads.abort(findings, request.signal);
    } catch (error) {
      findings.problem(`It ended half way, the next sweep goes on: ${messageOf(error)}`);
    }
  }

  async #deleteBot(
    id: string,
    wasAdopted: boolean,
    { findings, request, nowMs }: { findings: Findings; request: SweepRequest; nowMs: number },
  ): Promise<void> {
    const { s3, buckets, collections, policy } = this.#deps;
    // Looked at again at the last moment, and before each deletion: it may have been made anew since.
    const deletedAt = async (): Promise<Date | undefined> => {
      const fate = (await fatesOf(collections, [id])).get(id);
      return fate?.kind === 'deleted' && nowMs - fate.at.getTime() >= policy.graceMs ? fate.at : undefined;
    };
    const at = await deletedAt();
    if (at === undefined) return;
    const gone: Gone = { objects: 0, bytes: 0, refused: [] };
    let isAllGone = false;
    try {
      const mayGo = async (): Promise<boolean> => (await deletedAt()) !== undefined;
      isAllGone = await removeBotData(s3, buckets, { id, mayGo, gone, signal: request.signal });
    } finally {
      const { objects, bytes, refused } = gone;
      for (const text of refused) findings.problem(`S3 would not delete ${text}`);
      if (objects > 0 || (isAllGone && wasAdopted))
        findings.add({
          kind: 'deleted-bot',
          name: id,
          why: whyDeleted(at, wasAdopted, nowMs),
          objects,
          bytes,
        });
    }
    if (!isAllGone) return;
    await removeBotRecords(collections, [id]);
    this.#done.set(id, at.getTime());
  }

  /** Bots of which S3 holds nothing: only our own records of them are left. */
  async #deleteQuiet(quiet: readonly { id: string; at: Date }[]): Promise<void> {
    const { collections } = this.#deps;
    const fates = await fatesOf(
      collections,
      quiet.map(({ id }) => id),
    );
    const gone = quiet.filter(({ id }) => fates.get(id)?.kind === 'deleted');
    if (gone.length === 0) return;
    await removeBotRecords(
      collections,
      gone.map(({ id }) => id),
    );
    for (const { id, at } of gone) this.#done.set(id, at.getTime());
  }
}

async function ifThere(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof BucketMissing) return false;
    throw error;
  }
}
