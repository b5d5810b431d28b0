import { createHmac } from 'node:crypto';
import { messageOf } from '../../infra/message-of.ts';
import type { Keys, Receiver } from './receiver.ts';

/** How a receiver took a message. `final`: it says that it never will. `resting`: it is not able to take anything now. */
export type Answer =
  | { taken: true }
  | { taken: false; problem: string; final: boolean; resting: boolean; retryAfterMs?: number };

export type PostOptions = {
  keys: Keys;
  now: Date;
  userAgent: string;
  signal: AbortSignal;
  timeoutMs?: number;
};

const TIMEOUT_MS = 10_000;
/** Of an answer no more is read: nothing in it matters, and somebody may send without end. */
const READ_AT_MOST_BYTES = 16_384;
const GONE = 410;
const TOO_MANY = 429;
const MAX_RETRY_AFTER_MS = 3_600_000;

/** `t` is the second in which it was signed, and `v1` the HMAC-SHA256 of `<t>.<body>`, hex: one for each key. */
export function signatureOf(
  body: string,
  { keys, now }: Pick<PostOptions, 'keys' | 'now'>,
): string | undefined {
  if (keys.length === 0) return undefined;
  const second = Math.floor(now.getTime() / 1_000);
  const marks = keys.map(
    (key) => `v1=${createHmac('sha256', key).update(`${second}.${body}`).digest('hex')}`,
  );
  return [`t=${second}`, ...marks].join(',');
}

/**
 * Posts a message. Resolves with what came of it, whatever that is; follows no redirect, and waits ten seconds at most.
 * Problems are told without the address, which may be a secret.
 */
export async function post(
  { url }: Pick<Receiver, 'url'>,
  { messageId, body }: { messageId: string; body: string },
  options: PostOptions,
): Promise<Answer> {
  const { userAgent, signal, timeoutMs = TIMEOUT_MS } = options;
  const signature = signatureOf(body, options);
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.any([signal, late]),
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'user-agent': userAgent,
        'the0-message-id': messageId,
        ...(signature === undefined ? {} : { 'the0-signature': signature }),
      },
      body,
    });
    await readSome(response);
    return answerOf(response);
  } catch (error) {
    const problem = late.aborted ? `no answer within ${timeoutMs / 1_000} s` : causeOf(error);
    return { taken: false, problem, final: false, resting: true };
  }
}

function answerOf(response: Response): Answer {
  const { status } = response;
  if (status >= 200 && status < 300) return { taken: true };
  const after = status === TOO_MANY || status >= 500 ? retryAfterOf(response) : undefined;
  return {
    taken: false,
    problem:
      status >= 300 && status < 400
        ? `it answered ${status}: redirects are not followed`
        : `it answered ${status}`,
    final: status === GONE,
    resting: status === TOO_MANY || status >= 500,
    ...(after === undefined ? {} : { retryAfterMs: after }),
  };
}

function retryAfterOf({ headers }: Response): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? '');
  return seconds > 0 ? Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS) : undefined;
}

/** Lets a short answer end, so that its connection can be used again; a long one, or one that breaks off, is left. */
async function readSome({ body }: Response): Promise<void> {
  if (body === null) return;
  let bytes = 0;
  try {
    for await (const chunk of body as ReadableStream<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > READ_AT_MOST_BYTES) return;
    }
  } catch {
    // Its status has said already how the message was taken.
  }
}

/** Why, by its code alone where it has one: messages name addresses. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = (cause as { code?: unknown }).code;
  return typeof code === 'string'
    ? `it cannot be reached (${code})`
    : messageOf(cause).replaceAll(/https?:\/\/\S+/g, '(its address)');
}
