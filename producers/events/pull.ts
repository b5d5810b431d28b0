import type { Consumer, JsMsg } from '@nats-io/jetstream';

/** One pull of at most so many events; ends early, between two of them, when `over` aborts or whoever reads has enough. */
export async function* pull(
  consumer: Consumer,
  { max, expiresMs, over }: { max: number; expiresMs: number; over: AbortSignal },
): AsyncGenerator<JsMsg, void> {
  const messages = await consumer.fetch({ max_messages: max, expires: expiresMs });
  const stop = (): void => messages.stop();
  over.addEventListener('abort', stop, { once: true });
  try {
    if (over.aborted) stop();
    yield* messages;
  } finally {
    over.removeEventListener('abort', stop);
    stop();
  }
}
