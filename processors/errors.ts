import { messageOf } from '../infra/message-of.ts';
/** Why a handler could not do its work, and whether trying again unchanged can help. */
export class StartProblem extends Error {
  override readonly name = 'StartProblem';
  readonly code: string;
  readonly retryable: boolean;
  constructor(code: string, message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable;
  }
}

/** Another processor holds the bot's lock, or took it over: whoever holds it now finishes the work. */
export class LockLost extends Error {
  override readonly name = 'LockLost';
  constructor(botId: string) {
    super(`The lock of bot ${botId} is no longer ours; its new holder goes on`);
  }
}

/** Something slow (a pull, a download) goes on in the background; the job comes back instead of holding its slot. */
export class NotReadyYet extends Error {
  override readonly name = 'NotReadyYet';
  constructor(what: string) {
    super(what);
  }
}

export type Failure = { code: string; message: string; retryable: boolean };

/** Reads `code` and `retryable` of the tree's error classes; anything else is a circumstance worth another try. */
export function describeFailure(error: unknown): Failure {
  const fields = error as { code?: unknown; retryable?: unknown };
  return {
    code: typeof fields.code === 'string' ? fields.code : 'unexpected',
    message: messageOf(error),
    retryable: fields.retryable !== false,
  };
}
