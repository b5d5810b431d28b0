import type { IncomingMessage } from 'node:http';
import { createContextKey, type ContextKey, type Interceptor } from '@connectrpc/connect';
import { ControlError, Unauthenticated } from '../errors.ts';
import { callerKey, type Caller } from './caller.ts';
import { isOpen } from './method-roles.ts';

/** What a call brings by which its caller may be known. */
export type Credentials = {
  header: Headers;
  /** Address that it comes from, for those who count wrong tries; empty within a process. */
  client: string;
  /** The request that brought it over HTTP. */
  request?: IncomingMessage | undefined;
};

/**
 * Tells who calls. Undefined: it brings nothing that this way of knowing callers goes by, and another may be asked.
 * @throws Unauthenticated where it brings something, and that is no good
 */
export type Authenticate = (credentials: Credentials) => Promise<Caller | undefined>;

/** Address of the caller; set by the server that took the call. */
export const clientKey: ContextKey<string> = createContextKey('', { description: 'client address' });

/** The request that brought the call; set by the server that took it. */
export const requestKey: ContextKey<IncomingMessage | undefined> = createContextKey<
  IncomingMessage | undefined
>(undefined, { description: 'request' });

/** How often a stream's caller is looked at again: a token may be revoked while it is read. */
const LOOK_AGAIN_MS = 1_500;

/** The first that knows the caller decides. */
export const firstOf =
  (...ways: readonly Authenticate[]): Authenticate =>
  async (credentials) => {
    for (const authenticate of ways) {
      const caller = await authenticate(credentials);
      if (caller !== undefined) return caller;
    }
    return undefined;
  };

/** Nobody who is not known gets any further. */
export function authentication(
  authenticate: Authenticate,
  { lookAgainMs = LOOK_AGAIN_MS }: { lookAgainMs?: number } = {},
): Interceptor {
  return (next) => async (request) => {
    if (isOpen(request.method)) return next(request);
    const credentials = {
      header: request.header,
      client: request.contextValues.get(clientKey),
      request: request.contextValues.get(requestKey),
    };
    const know = async (): Promise<Caller> => {
      const caller = await authenticate(credentials);
      if (caller === undefined) throw nobody();
      return caller;
    };
    request.contextValues.set(callerKey, await know());
    if (!request.stream) return next(request);

    const over = new AbortController();
    const answer = await next({ ...request, signal: AbortSignal.any([request.signal, over.signal]) });
    if (!answer.stream) return answer;
    const refusal = new Refusal();
    const timer = setInterval(() => {
      know().catch((error: unknown) => {
        // While servers are away nobody can tell: a stream that goes on does.
        if (!(error instanceof ControlError) || error.refusal !== 'unauthenticated') return;
        refusal.tell(error);
        over.abort(error);
      });
    }, lookAgainMs);
    timer.unref();
    return { ...answer, message: until(answer.message, refusal, () => clearInterval(timer)) };
  };
}

/** That a caller is not known any more. No promise: each message of a stream that goes on for months would add to it. */
class Refusal {
  #reason: Error | undefined;
  #reject: ((reason: Error) => void) | undefined;

  tell(reason: Error): void {
    this.#reason ??= reason;
    this.#reject?.(reason);
  }

  /** Settles as the work does, or rejects if the caller is refused before. One at a time. */
  or<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.#reason !== undefined) reject(this.#reason);
      work.then(resolve, reject);
    });
  }
}

/** Passes messages on until the caller is refused; `end` is called however it ends. */
async function* until<T>(messages: AsyncIterable<T>, refusal: Refusal, end: () => void): AsyncIterable<T> {
  const iterator = messages[Symbol.asyncIterator]();
  try {
    for (;;) {
      const step = await refusal.or(iterator.next());
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    end();
    // A handler that waits for its next message hears it by its signal; nobody waits for it here.
    iterator.return?.().catch(() => undefined);
  }
}

const nobody = () =>
  new Unauthenticated(
    'no_token',
    'Nobody is known by this call',
    'send "Authorization: Bearer TOKEN"; an admin makes tokens with "the0-runtime tokens create"',
  );
