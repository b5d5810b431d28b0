import type { Logger } from '../../../infra/logger.ts';
import { messageOf } from '../../../infra/message-of.ts';
import type { ScheduleOperator } from '../../../model/schedule-policy.ts';
import type { JobFacts } from '../../../queues/job-facts.ts';
import { NotFound } from '../errors.ts';
import { explainBot } from './bot.ts';
import type { Explanation } from './explanation.ts';
import type { QueueFacts, StoreFacts } from './facts.ts';
import { readBotJobs, readScheduleJobs, readStore, type ExplainStores } from './read.ts';
import { explainSchedule } from './schedule.ts';

export type ExplainDeps = {
  collections: ExplainStores;
  /** Rejects while Redis is away. */
  jobs: () => Promise<JobFacts>;
  installation: string;
  operator: ScheduleOperator;
  /** The installation's time. */
  now: () => Date;
  log: Logger;
};

/** Who is asked has so long: what does not answer by then is away, and the rest is told. */
const PATIENCE_MS = 1_500;
const MOST_RUN_JOBS = 5;

/**
 * Why a bot or a schedule is as it is: the whole chain from the event that asked for it to what happens next, by what can be
 * had. Reads, and changes nothing.
 * @throws NotFound where nothing at all is known of the id
 */
export async function explain(deps: ExplainDeps, id: string, signal?: AbortSignal): Promise<Explanation> {
  const now = deps.now();
  const unknown: string[] = [];
  const store = await within(readStore(deps.collections, id, now), {
    of: 'MongoDB',
    unknown,
    signal,
    log: deps.log,
  });
  const isSchedule = store !== undefined && belongsToSchedules(store);
  const queue = await within(askQueues(deps, id, { store, isSchedule }), {
    of: 'Redis',
    unknown,
    signal,
    log: deps.log,
  });
  if (store !== undefined && isUnheardOf(store, queue)) throw new NotFound('bot or schedule', id);
  const facts = { id, now, installation: deps.installation, store, queue, unknown };
  return isSchedule ? explainSchedule(facts, deps.operator) : explainBot(facts);
}

async function askQueues(
  deps: ExplainDeps,
  id: string,
  { store, isSchedule }: { store: StoreFacts | undefined; isSchedule: boolean },
): Promise<QueueFacts> {
  const jobs = await deps.jobs();
  if (!isSchedule) return readBotJobs(jobs, id, store === undefined || store.status?.phase === 'failed');
  const runIds = (store?.runs ?? []).slice(0, MOST_RUN_JOBS).map(({ _id }) => _id);
  return readScheduleJobs(jobs, id, runIds);
}

/** Ids of bots and schedules never meet; of one that is gone, whatever is left of it tells. */
function belongsToSchedules({
  bot,
  schedule,
  status,
  scheduleStatus,
  order,
  scheduleOrder,
  runs,
}: StoreFacts): boolean {
  if (schedule !== undefined) return true;
  if (bot !== undefined || status !== undefined) return false;
  if (scheduleStatus !== undefined || runs.length > 0) return true;
  return (
    scheduleOrder !== undefined &&
    (order === undefined || scheduleOrder.streamCreatedAt > order.streamCreatedAt)
  );
}

const isUnheardOf = (store: StoreFacts, queue: QueueFacts | undefined): boolean =>
  [
    store.bot,
    store.schedule,
    store.status,
    store.scheduleStatus,
    store.hold,
    store.restart,
    store.order,
    store.scheduleOrder,
    store.poison[0],
    store.runs[0],
    queue?.jobs[0],
  ].every((trace) => trace === undefined);

/** What could be had in time; else undefined, and why. */
async function within<T>(work: Promise<T>, asking: Asking): Promise<T | undefined> {
  const { of, unknown, signal, log } = asking;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('it does not answer')), PATIENCE_MS);
  const onAbort = (): void => late.reject(new Error('there was no time left'));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, late.promise]);
  } catch (error) {
    // Without the driver's words, which name hosts and users.
    unknown.push(`${of} could not be asked.`);
    log.warn({ error: messageOf(error) }, `${of} could not be asked for an explanation`);
    return undefined;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    work.catch(() => undefined);
  }
}

type Asking = { of: string; unknown: string[]; signal: AbortSignal | undefined; log: Logger };
