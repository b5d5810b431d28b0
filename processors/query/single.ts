import type { Engine } from '../../infra/engine/port.ts';
import type { QueryRequestDocument } from '../../infra/mongo/collections.ts';
import { pause } from '../../infra/pause.ts';
import { readProgramAnswer } from '../../model/queries.ts';
import { queryLaunchVolumeName } from '../../model/names.ts';
import { PATHS } from '../entrypoints/paths.ts';
import { QUERY_RESULT } from '../entrypoints/query-plan.ts';
import { NotReadyYet } from '../errors.ts';
import type { HandlerResult } from '../job-worker.ts';
import type { QueryContext } from './context.ts';
import { problemOf } from './failures.ts';
import { discard, makeContainer } from './make.ts';
import { queryNetworks } from './networks.ts';
import { readFile } from './read-file.ts';
import type { Problem } from './records.ts';

const MB = 1024 * 1024;
/** MongoDB, through which it goes, holds 16 MB in a document. */
const MAX_ANSWER_MB = 15;
const OUTPUT_LINES = 10;
const OUTPUT_CHARACTERS = 2_000;
const NOT_READY_MS = 750;
const LOOK_EVERY_MS = 1_000;

const done = (reason: string): HandlerResult => ({ kind: 'done', reason, outcome: 'succeeded' });
const failed = (reason: string): HandlerResult => ({ kind: 'done', reason, outcome: 'failed' });

/** Runs a bot's query program once, for one query, and answers it. */
export async function answerSingle(
  context: QueryContext,
  requestId: string,
  signal: AbortSignal,
): Promise<HandlerResult> {
  const { records } = context;
  const request = await records.request(requestId);
  if (request === undefined) return done('nobody waits for it any more');
  if (request.answer !== undefined || request.problem !== undefined) return done('it is answered');
  const late = AbortSignal.timeout(request.timeoutMs);
  const over = new AbortController();
  const forgotten = untilForgotten(context, requestId, AbortSignal.any([signal, late, over.signal]));
  try {
    const either = AbortSignal.any([signal, late, forgotten.signal]);
    await records.answer(requestId, await runOnce(context, request, either));
    return done('answered');
  } catch (error) {
    if (signal.aborted) return { kind: 'again', afterMs: 0 };
    if (forgotten.signal.aborted) return done('nobody waits for it any more');
    if (error instanceof NotReadyYet) return { kind: 'again', afterMs: NOT_READY_MS };
    const problem: Problem = late.aborted
      ? { reason: `the query did not finish within ${request.timeoutMs / 1000} seconds`, status: 504 }
      : problemOf(error);
    await records.answer(requestId, { problem });
    return failed(problem.reason);
  } finally {
    over.abort();
    await forgotten.watching;
  }
}

/** Who leaves makes room for other queries: what was begun for them must not go on beside those. */
function untilForgotten(
  { records }: QueryContext,
  requestId: string,
  stop: AbortSignal,
): { signal: AbortSignal; watching: Promise<void> } {
  const forgotten = new AbortController();
  const watch = async (): Promise<void> => {
    for (;;) {
      await pause(LOOK_EVERY_MS, stop);
      if (stop.aborted) return;
      // MongoDB away says nothing of who waits.
      const found = await records.request(requestId).catch(() => 'unknown');
      if (found === undefined) return forgotten.abort(new Error('nobody waits for it any more'));
    }
  };
  return { signal: forgotten.signal, watching: watch() };
}

async function runOnce(
  context: QueryContext,
  request: QueryRequestDocument,
  signal: AbortSignal,
): Promise<{ answer: string } | { problem: Problem }> {
  const { launching, records } = context;
  const { engine } = launching;
  const bot = await records.bot(request.botId);
  if (bot === undefined) return { problem: { reason: `bot not found: ${request.botId}`, status: 404 } };
  const outside = queryNetworks(engine.installation, bot, {}).network === 'bots';
  const id = await makeContainer(context, {
    bot,
    // Nobody asks it anything, so that it needs no network at all.
    network: outside ? 'bots' : 'none',
    single: {
      request: request._id,
      query: { path: request.path, params: JSON.parse(request.params) as Record<string, unknown> },
    },
    signal,
  });
  try {
    const { exitCode } = await engine.wait(id, { signal });
    return await resultOf(context, id, exitCode, signal);
  } finally {
    await discard(context, {
      id,
      launchVolume: queryLaunchVolumeName(engine.installation, request.botId, request._id),
    });
  }
}

/** What the program wrote counts, whatever its exit code: it ends with 1 after an error that it tells. */
async function resultOf(
  { launching }: QueryContext,
  id: string,
  exitCode: number,
  signal: AbortSignal,
): Promise<{ answer: string } | { problem: Problem }> {
  const { engine, settings } = launching;
  const maxMb = Math.min(settings.QUERY_ANSWER_MB, MAX_ANSWER_MB);
  const refused = (reason: string): { problem: Problem } => ({ problem: { reason, status: 500 } });
  const file = await readFile(engine, id, `${PATHS.run}/${QUERY_RESULT}`, { maxBytes: maxMb * MB, signal });
  if (file === 'too large') return refused(`the answer is larger than ${maxMb} MB`);
  const text = file.toString('utf8');
  if (readProgramAnswer(text) !== undefined) return { answer: text };
  const { oomKilled = false } = (await engine.inspect(id, { signal })) ?? {};
  const why = oomKilled
    ? `, since it needed more than its memory (QUERY_MEMORY_LIMIT_MB, or query_memory_limit in the bot’s config)`
    : '';
  const output = await lastOutput(engine, id, signal);
  return refused(
    `query container exited with code ${exitCode}${why} and left no answer: ${output === '' ? 'it printed nothing' : output}`,
  );
}

async function lastOutput(engine: Engine, id: string, signal: AbortSignal): Promise<string> {
  let text = '';
  for await (const { data } of engine.logs(id, { tail: OUTPUT_LINES, signal })) text += data.toString('utf8');
  return text.trim().slice(-OUTPUT_CHARACTERS);
}
