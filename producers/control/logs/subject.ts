import type { Collections } from '../../../infra/mongo/collections.ts';
import { botIdProblem } from '../../../model/bots.ts';
import { isFinal } from '../../../model/runs.ts';
import { NotFound } from '../errors.ts';
import type { StoredLog } from './stored-log.ts';

export type KnownIds = Pick<Collections, 'bots' | 'schedules' | 'runs'>;

/** Whose log it is, and which part of it: of a run, what its schedule printed while it was at work. */
export type LogSubject = {
  /** Id of the bot or schedule. */
  logId: string;
  run?: RunSpan & { id: string };
};

/** Lines have whole seconds. `toMs` absent: it is not over. */
export type RunSpan = { sinceMs: number; toMs?: number };

/** A bot id never holds an `@`, and a run's always does. @throws NotFound for a run that there is not */
export async function subjectOf({ runs }: KnownIds, id: string): Promise<LogSubject> {
  if (!id.includes('@')) {
    if (botIdProblem(id) !== undefined) throw new NotFound('bot or schedule', id);
    return { logId: id };
  }
  const logId = id.slice(0, id.lastIndexOf('@'));
  const span = await runSpan({ runs }, id);
  if (span === undefined) throw new NotFound('run', id, 'id');
  return { logId, run: { id, ...span } };
}

/** Undefined: there is no such run. */
export async function runSpan({ runs }: Pick<KnownIds, 'runs'>, id: string): Promise<RunSpan | undefined> {
  const fields = { state: 1, createdAt: 1, startedAt: 1, endedAt: 1, attempts: 1 } as const;
  const run = await runs.findOne({ _id: id }, { projection: fields });
  if (run === null) return undefined;
  const began = run.attempts[0]?.startedAt ?? run.startedAt ?? run.createdAt;
  return {
    sinceMs: began.getTime() - 1_000,
    ...(isFinal(run.state) ? { toMs: (run.endedAt ?? began).getTime() + 1_000 } : {}),
  };
}

/**
 * Resolves where there is such a log, or one might come: something that is gone may have left one, and what is there may not
 * have printed yet.
 * @throws NotFound
 */
export async function checkKnown(
  { bots, schedules }: KnownIds,
  { logId, run }: LogSubject,
  log: StoredLog,
  signal: AbortSignal,
): Promise<void> {
  if (
    run !== undefined ||
    (await log.days(signal).then(
      ({ length }) => length > 0,
      () => false,
    ))
  )
    return;
  const found = await Promise.all(
    [bots, schedules].map((documents) => documents.findOne({ id: logId }, { projection: { _id: 1 } })),
  );
  if (found.every((document) => document === null)) throw new NotFound('bot or schedule', logId, 'id');
}
