import type { Collection } from 'mongodb';
import { OutageLog, type Logger } from './logger.ts';
import { messageOf } from './message-of.ts';
import type { ProcessDocument } from './mongo/collections.ts';
import { pause } from './pause.ts';

export type HeartbeatOptions = {
  processes: Collection<ProcessDocument>;
  facts: Pick<ProcessDocument, '_id' | 'service' | 'version' | 'host' | 'engine'>;
  /** What the process misses just now; empty: nothing. */
  problems: () => readonly string[];
  signal: AbortSignal;
  log: Logger;
  everyMs?: number;
};

/** Processes that said nothing for so long are not counted any more. */
export const HEARTBEAT_LOST_MS = 45_000;

const EVERY_MS = 10_000;
const MAX_PROBLEMS = 20;

/**
 * Says now and then that this process lives, by the database's clock, and takes that back at an orderly end. Resolves then;
 * never rejects.
 */
export async function keepHeartbeat(options: HeartbeatOptions): Promise<void> {
  const { processes, facts, signal, log, everyMs = EVERY_MS } = options;
  const { _id, ...told } = facts;
  const outage = new OutageLog(log, 'the list of processes');
  const literal = (value: unknown): { $literal: unknown } => ({ $literal: value });
  while (!signal.aborted) {
    const problems = options.problems().slice(0, MAX_PROBLEMS);
    const fields = Object.fromEntries(
      Object.entries({ ...told, problems }).map(([name, value]) => [name, literal(value)] as const),
    );
    try {
      await processes.updateOne(
        { _id },
        [
          {
            $set: {
              ...fields,
              startedAt: { $ifNull: ['$startedAt', '$$NOW'] },
              seenAt: '$$NOW',
            },
          },
        ],
        { upsert: true },
      );
      outage.recovered();
    } catch (error) {
      outage.failed(error);
    }
    await pause(everyMs, signal);
  }
  await processes.deleteOne({ _id }).catch((error: unknown) => {
    log.debug({ error: messageOf(error) }, 'this process is still listed for a while');
  });
}
