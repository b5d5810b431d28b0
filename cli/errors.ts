import { MongoNetworkError, MongoServerSelectionError } from 'mongodb';
import { ConnectionError, RequestError, TimeoutError } from '@nats-io/transport-node';
import { SettingsError } from '../infra/config/load.ts';
import { EngineUnavailable } from '../infra/engine/errors.ts';
import { loginRefusal, refusalInWords } from '../infra/login-refusal.ts';
import { MongoUriInvalid } from '../infra/mongo/connect.ts';
import { S3Unavailable } from '../infra/s3/errors.ts';
import { messageOf } from '../infra/message-of.ts';

/** How a command ends, by kind of failure; the README lists them. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  /** A server, or something that was needed of it, is away. */
  unreachable: 4,
  /** Nobody is known by the token, or its role is not enough. */
  denied: 5,
  /** Somebody else was quicker, or the same is there already. */
  conflict: 6,
  /** There was no answer in time. */
  timeout: 7,
  /** More than there is room for; later it may be taken. */
  exhausted: 8,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command cannot do what it was asked; the message is for the person at the terminal. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  readonly exitCode: ExitCode;
  constructor(message: string, exitCode: ExitCode = EXIT.failure, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** There is nothing of that id; says where to look. */
export const notFound = (
  kind: 'bot' | 'schedule' | 'run' | 'rollout' | 'bot or schedule',
  id: string,
  options?: ErrorOptions,
): CliError =>
  new CliError(
    `There is no ${kind} ${JSON.stringify(id)}. See: ${kind
      .split(' or ')
      .map((each) => `npx the0-runtime ${each}s`)
      .join(', ')}`,
    EXIT.notFound,
    options,
  );

/** Thrown where a server does not answer: `what` is its name, `where` the setting that names its address. */
export class Unreachable extends CliError {
  override readonly name = 'Unreachable';
  constructor(what: string, where: string, reason: string, options?: ErrorOptions) {
    super(`${what} cannot be reached (${where}): ${reason}`, EXIT.unreachable, options);
  }
}

/** One message and an exit code for whatever a command threw. */
export function explainFailure(error: unknown): { message: string; exitCode: ExitCode } {
  const message = messageOf(error);
  return {
    message: message === '' && error instanceof Error ? error.name : message,
    exitCode: exitCodeOf(error),
  };
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof SettingsError || error instanceof MongoUriInvalid) return EXIT.usage;
  if (isUnreachable(error)) return EXIT.unreachable;
  return EXIT.failure;
}

/** A server that is away, as opposed to one that answers and refuses. */
export function isUnreachable(error: unknown): boolean {
  if (loginRefusal(error) !== undefined) return false;
  if (
    error instanceof MongoServerSelectionError ||
    error instanceof MongoNetworkError ||
    error instanceof S3Unavailable ||
    error instanceof EngineUnavailable
  )
    return true;
  if (error instanceof ConnectionError || error instanceof TimeoutError) return true;
  return error instanceof RequestError && error.isNoResponders();
}

/** A server that answers and does not let us in. */
export function deniedLogin(error: unknown): CliError | undefined {
  const refusal = loginRefusal(error);
  if (refusal === undefined) return undefined;
  return new CliError(`${refusalInWords(refusal)} (${messageOf(error)})`, EXIT.failure, { cause: error });
}
