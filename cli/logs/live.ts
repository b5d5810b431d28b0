import { connect, type NatsConnection } from '@nats-io/transport-node';
import { sameness } from '../../model/read-line.ts';
import { LineCutter } from '../../producers/control/logs/line-cutter.ts';
import { messageOf } from '../../infra/message-of.ts';
import { connectionOptions } from '../../infra/nats/connect.ts';
import { liveSubject } from '../../producers/live-logs/subject.ts';
import { CliError, deniedLogin, Unreachable } from '../errors.ts';
import type { Target } from '../target.ts';

const PATIENCE_MS = 3_000;

/** Live output of one bot, line by line, from the moment of subscribing. */
export type LiveLines = AsyncDisposable & { lines: AsyncIterable<string> };

export async function subscribeLive({ settings, origin }: Target, id: string): Promise<LiveLines> {
  const { NATS_URL: url } = settings;
  if (url === undefined)
    throw new CliError('NATS_URL is not set, so there is no live output; leave out --follow');
  const connection: NatsConnection = await connect({
    ...connectionOptions(url, 'the0-runtime cli'),
    timeout: PATIENCE_MS,
  }).catch((error: unknown) => {
    throw (
      deniedLogin(error) ?? new Unreachable('NATS', `NATS_URL, ${origin}`, messageOf(error), { cause: error })
    );
  });
  const subscription = connection.subscribe(liveSubject(id));
  await connection.flush();
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for await (const message of subscription) yield message.data;
  };
  return { lines: linesOf(chunks()), [Symbol.asyncDispose]: () => connection.close() };
}

/** Cuts chunks, which may end anywhere, into lines. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const cutter = new LineCutter();
  for await (const chunk of chunks) yield* cutter.take(chunk);
}

/** So long after the log was read, a live line may still be one that was in it. */
const OVERLAP_MS = 2_000;

/**
 * Lets each line pass but those that `shown` had already: live output and the log overlap a little. Only at first: a bot
 * that goes on printing the same goes on being shown.
 */
export async function* unseen(
  lines: AsyncIterable<string>,
  shown: readonly string[],
  nowMs: () => number = () => performance.now(),
): AsyncGenerator<string> {
  const untilMs = nowMs() + OVERLAP_MS;
  const seen = new Map<string, number>();
  for (const line of shown) seen.set(sameness(line), (seen.get(sameness(line)) ?? 0) + 1);
  for await (const line of lines) {
    if (seen.size > 0 && nowMs() > untilMs) seen.clear();
    const key = sameness(line);
    const times = seen.get(key) ?? 0;
    if (times === 0) yield line;
    else if (times === 1) seen.delete(key);
    else seen.set(key, times - 1);
  }
}
