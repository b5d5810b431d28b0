import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Collection } from 'mongodb';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import { messageOf } from '../../infra/message-of.ts';
import type { BotStateDocument } from '../../infra/mongo/collections.ts';
import { formatMemory } from '../../model/quantity.ts';
import type { Outcome } from '../../queues/metrics.ts';
import { dataJobSchema, type DataJob, type QueueName } from '../../queues/names.ts';
import { JobWorker, type HandlerResult } from '../job-worker.ts';
import type { Standby } from '../standby.ts';
import type { SaveResult, StateKeeper } from './keeper.ts';

/** A save that failed is tried again when it has been tried for as long again, within these. */
const AGAIN_MS = { least: 1_000, most: 60_000 };

export type StateSyncOptions = {
  connection: Redis;
  installation: string;
  /** Saves at once in this process. */
  concurrency: number;
  state: Pick<StateKeeper, 'save'>;
  states: Collection<BotStateDocument>;
  /** What cannot be saved of a state is other than it was: its bot's status is to say so. */
  onProblems: (id: string) => Promise<void>;
  /** `STATE_SAVE_INTERVAL`: what changed while it was read is saved again after it. */
  saveEveryMs: number;
  standby?: Standby;
  log: Logger;
  onOutcome: (queue: QueueName, outcome: Outcome) => void;
  onError: (queue: QueueName, error: Error) => void;
};

/** Takes `state-sync` jobs: each saves the state of one bot or schedule, whether it runs or not, however long that takes. */
export function createStateSyncWorker(options: StateSyncOptions): JobWorker<DataJob> {
  const { state, states, onProblems, saveEveryMs, log, ...rest } = options;
  const outage = new OutageLog(log, 'What it takes to save state');
  return new JobWorker({
    ...rest,
    queue: 'state-sync',
    schema: dataJobSchema,
    log,
    handle: async (job, { data, signal }) => {
      try {
        const before = await states.findOne({ _id: data.botId }, { projection: { problems: 1 } });
        const result = await state.save(data.botId, signal);
        outage.recovered();
        if ('problems' in result && !isSame(before?.problems ?? [], result.problems))
          await onProblems(data.botId);
        if ('again' in result && result.again)
          return { kind: 'again', afterMs: saveEveryMs, outcome: 'deferred' };
        return { kind: 'done', outcome: 'succeeded', reason: inWords(result) };
      } catch (error) {
        return notSaved(error, job, signal, outage);
      }
    },
  });
}

function inWords(result: SaveResult): string {
  switch (result.kind) {
    case 'saved':
      return `Saved ${result.files} files, ${formatMemory(result.bytes)}${unsaved(result.problems)}`;
    case 'unchanged':
      return `It is as it was saved${unsaved(result.problems)}`;
    case 'platform':
      return 'It was changed or deleted by the platform or by hand: the bot gets that instead';
    case 'not-ready':
    case 'too-large':
      return `Not saved: ${result.reason}`;
  }
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((problem, index) => problem === b[index]);

const unsaved = (problems: readonly string[]): string =>
  problems.length === 0 ? '' : `; not saved: ${problems.join(', ')}`;

/** Its volume keeps it: nobody waits, and nothing is lost. What will never be saved as it is, waits for its next change. */
function notSaved(error: unknown, job: Job<DataJob>, signal: AbortSignal, outage: OutageLog): HandlerResult {
  if (signal.aborted) return { kind: 'again', afterMs: 0 };
  const reason = messageOf(error);
  if ((error as { retryable?: unknown }).retryable === false)
    return { kind: 'failed', outcome: 'failed', reason };
  outage.failed(error, { botId: job.data.botId });
  const triedForMs = Date.now() - job.timestamp;
  const afterMs = Math.min(AGAIN_MS.most, Math.max(AGAIN_MS.least, triedForMs));
  return { kind: 'again', afterMs, outcome: 'deferred' };
}
