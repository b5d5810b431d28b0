import type { ChangeStream, Document } from 'mongodb';

const AGAIN_EVERY_MS = 200;

/**
 * Closes a change stream when the signal aborts, and again until it is disposed of. Once is not enough: a stream that is just
 * resuming after an outage opens its new cursor although it was closed meanwhile, and waits on it for ever (driver 7.9).
 */
export function closingOnAbort<Change extends Document>(
  stream: ChangeStream<Document, Change>,
  signal: AbortSignal,
): Disposable {
  let timer: NodeJS.Timeout | undefined;
  const close = (): void => void stream.close().catch(() => undefined);
  const begin = (): void => {
    close();
    timer = setInterval(close, AGAIN_EVERY_MS);
    timer.unref();
  };
  if (signal.aborted) begin();
  else signal.addEventListener('abort', begin, { once: true });
  return {
    [Symbol.dispose]() {
      signal.removeEventListener('abort', begin);
      clearInterval(timer);
    },
  };
}
