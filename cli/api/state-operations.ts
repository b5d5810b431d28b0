import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../infra/message-of.ts';
import { BucketMissing, ConditionFailed, S3Error, S3Unavailable } from '../../infra/s3/errors.ts';
import { LeaseStore } from '../../infra/lease-store.ts';
import { probeConditions } from '../../infra/s3/probe.ts';
import { NoSuchState, StateArchives } from '../../processors/state/archives.ts';
import { BadState, StateChanged, StateTooLarge } from '../../processors/state/errors.ts';
import { stateLimits } from '../../processors/state/limits.ts';
import { StateRecords } from '../../processors/state/records.ts';
import { Conflict, FailedPrecondition, NotFound, Unavailable } from '../../producers/control/errors.ts';
import type { StateAsker, StateFacts, StateOperations } from '../../producers/control/states/operations.ts';
import type { ApiConnections } from './connections.ts';

type Connections = Pick<
  ApiConnections,
  'settings' | 'collections' | 's3' | 'queues' | 'now' | 'newId' | 'log'
>;

const SOON = 'If it runs, it is started anew with that within a minute or so.';
/** A processor that is there saves within seconds; the longest state takes a minute. */
const SAVE_WITHIN_MS = 50_000;
const LOOK_EVERY_MS = 200;

/** States as the API shows and changes them, over archives as processors write them. */
export function stateOperations(
  connections: Connections,
  { saveWithinMs = SAVE_WITHIN_MS }: { saveWithinMs?: number } = {},
): StateOperations {
  const { collections, now } = connections;
  const archives = archivesOf(connections);
  const records = new StateRecords(collections.botState, () => now().getTime());
  return {
    get: (id, signal) => told(collections, id, undefined, () => facts(connections, archives, id, signal)),

    show: (id, key, signal) =>
      told(collections, id, { kind: 'key', name: key }, () => archives.show(id, key, signal)),

    save: (id, { withinMs, ...asker }, signal) =>
      save(connections, { id, asker, withinMs: Math.min(saveWithinMs, withinMs), signal }),

    restore: (id, archive, signal) =>
      told(collections, id, { kind: 'archive', name: archive ?? '' }, async () => {
        const name = archive ?? (await archives.earlier(id, signal))[0]?.name;
        if (name === undefined)
          throw new FailedPrecondition(
            'no_earlier_archive',
            'archive',
            `There is no earlier archive of ${id}`,
            'none was replaced yet, or STATE_KEEP_ARCHIVES is 0',
          );
        await archives.restore(id, name, signal);
        return `${id} has its archive ${name} again. ${SOON}`;
      }),

    deleteKey: (id, key, signal) =>
      told(collections, id, { kind: 'key', name: key }, async () => {
        await archives.deleteKey(id, key, signal);
        return `${key} of ${id} is deleted. ${SOON}`;
      }),

    deleteAll: (id, { who }, signal) =>
      told(collections, id, undefined, async () => {
        // On record first: no save puts back what is being deleted.
        const isKnown = await records.discard(id, who);
        try {
          await archives.deleteAll(id, signal);
          return `The state of ${id} is deleted. ${SOON}`;
        } catch (error) {
          if (error instanceof NoSuchState && isKnown)
            return `There is no archive of ${id}; what is on its volume is deleted when it is started next.`;
          // The archive is still there, and the bot goes on with it.
          if (isKnown) await records.keepAfterAll(id, who);
          throw error;
        }
      }),
  };
}

function archivesOf({ settings, collections, s3, now, newId, log }: Connections): StateArchives {
  const bucket = settings.S3_STATE_BUCKET;
  let honoured: Promise<boolean> | undefined;
  return new StateArchives({
    s3,
    bucket,
    limits: stateLimits(settings),
    leases: new LeaseStore(collections.leases),
    owner: `api/${newId()}`,
    log,
    now: () => now().getTime(),
    conditions: () =>
      (honoured ??= probeConditions(s3, bucket).then(
        ({ create, replace }) => create && replace,
        (error: unknown) => {
          honoured = undefined;
          throw error;
        },
      )),
  });
}

async function facts(
  { collections }: Pick<Connections, 'collections'>,
  archives: StateArchives,
  id: string,
  signal: AbortSignal,
): Promise<StateFacts> {
  const [known, kept] = await Promise.all([
    collections.botState.findOne({ _id: id }),
    keptOf(archives, id, signal).catch(async (error: unknown): Promise<Kept> => {
      // A bot without a state is no error here.
      if (await isNothingYet(collections, id, error)) return { earlier: [] };
      throw error;
    }),
  ]);
  return {
    id,
    ...kept,
    savedAt: known?.savedAt,
    restoredAt: known?.restoredAt,
    platformChangedAt: known?.platformAt,
    deletedAt: known?.discard?.at,
    problems: known?.problems ?? [],
    overLimit: known?.overLimit?.reason,
  };
}

/** What the bucket has of it. */
type Kept = Pick<StateFacts, 'archive' | 'unreadable' | 'earlier'>;

/** Before anything was ever saved there may be no bucket; whoever has a record misses it. */
const isNothingYet = async (
  { botState }: Pick<Connections['collections'], 'botState'>,
  id: string,
  error: unknown,
): Promise<boolean> => error instanceof BucketMissing && (await botState.findOne({ _id: id })) === null;

async function keptOf(archives: StateArchives, id: string, signal: AbortSignal): Promise<Kept> {
  const [earlier, found] = await Promise.all([
    archives.earlier(id, signal),
    archives.view(id, signal).then(
      (archive) => ({ archive }),
      (error: unknown) => {
        // Just then somebody needs to see which earlier ones there are.
        if (error instanceof BadState || error instanceof StateTooLarge)
          return { unreadable: messageOf(error) };
        throw error;
      },
    ),
  ]);
  return { earlier, ...found };
}

/** Has a processor save it, and tells what it said. */
async function save(
  { queues }: Pick<Connections, 'queues'>,
  { id, asker, withinMs, signal }: { id: string; asker: StateAsker; withinMs: number; signal: AbortSignal },
): Promise<string> {
  // From the beginning: to reach Redis takes of the caller's time too.
  const deadline = performance.now() + withinMs;
  const { data } = await queues();
  await data.add([
    { queue: 'state-sync', job: { botId: id, cause: `asked for by ${asker.who}: ${asker.why}` } },
  ]);
  const queue = data.byName['state-sync'];
  const jobId = await queue.getDeduplicationJobId(id);
  // Without a job, it was done before it could be looked up.
  while (jobId !== null) {
    // In this order: a job that was read before it ended has no answer.
    const state = await queue.getJobState(jobId);
    const job = await queue.getJob(jobId);
    if (job === undefined) break;
    if (state === 'completed') return typeof job.returnvalue === 'string' ? job.returnvalue : 'done';
    if (state === 'failed')
      throw new FailedPrecondition(
        'state_not_saved',
        'id',
        `The state of ${id} was not saved (${job.failedReason})`,
        'mend that and ask again',
      );
    const leftMs = deadline - performance.now();
    if (leftMs <= 0)
      throw new Unavailable(
        'processors',
        `The state of ${id} was not saved within ${Math.round(withinMs / 100) / 10} s${job.failedReason ? ` (${job.failedReason})` : ''}`,
        'see whether a processor runs: it is saved as soon as one does',
      );
    await sleep(Math.min(LOOK_EVERY_MS, leftMs), undefined, { signal });
  }
  return 'done';
}

/** `part`: what of the state was named. */
async function told<T>(
  collections: Connections['collections'],
  id: string,
  part: { kind: 'archive' | 'key'; name: string } | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const cause = { cause: error };
    if (await isNothingYet(collections, id, error)) throw new NotFound('state', id, 'id');
    if (error instanceof NoSuchState)
      throw error.message.startsWith('There is no state') || part === undefined
        ? new NotFound('state', id, 'id')
        : new NotFound(part.kind, part.name, part.kind);
    if (error instanceof BadState || error instanceof StateTooLarge)
      throw new FailedPrecondition(error.code, 'id', error.message, 'restore an earlier archive', cause);
    if (error instanceof StateChanged || error instanceof ConditionFailed)
      throw new Conflict(
        'state_changed',
        'id',
        `The state of ${id} was changed by somebody else at the same moment`,
        'ask again',
        cause,
      );
    // The one that is away is told of by its name.
    if (error instanceof S3Error && !(error instanceof S3Unavailable))
      throw new Unavailable('s3', error.message, 'see what "the0-runtime doctor" says of S3', cause);
    throw error;
  }
}
