import { Code, type Interceptor } from '@connectrpc/connect';
import { unlessAborted } from '../../../infra/unless-aborted.ts';
import { problem } from './failures.ts';

/**
 * A call ends by the caller's deadline, or by ours where it has none, whatever its handler does: the signal that a handler is
 * given aborts, and the caller is answered at once. Streams go on for as long as their caller wants.
 */
export function deadlines({ defaultMs }: { defaultMs: number }): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return next(request);
    // Where its caller gave a deadline, the library itself aborts the signal.
    const ms = hasDeadline(request.header) ? undefined : defaultMs;
    const late = new AbortController();
    const timer = ms === undefined ? undefined : setTimeout(() => late.abort(tooLate(ms)), ms);
    const signal = AbortSignal.any([request.signal, late.signal]);
    try {
      return await unlessAborted(next({ ...request, signal }), signal);
    } finally {
      clearTimeout(timer);
    }
  };
}

const hasDeadline = (header: Headers): boolean =>
  header.has('grpc-timeout') || header.has('connect-timeout-ms');

const tooLate = (afterMs: number) =>
  problem(Code.DeadlineExceeded, {
    code: 'deadline_exceeded',
    message: `It was not done within ${afterMs / 1000} s. What it changes may still be done`,
    cure: 'look whether it was done; repeat it with the same idempotency key, or give a longer deadline',
  });
