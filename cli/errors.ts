import { MongoNetworkError, MongoServerError, MongoServerSelectionError } from 'mongodb';
import { AuthorizationError, ConnectionError, RequestError, TimeoutError } from '@nats-io/transport-node';
import { SettingsError } from '../infra/config/load.ts';
import { EngineUnavailable } from '../infra/engine/errors.ts';
import { MongoUriInvalid } from '../infra/mongo/connect.ts';
import { S3Unavailable } from '../infra/s3/errors.ts';

/** How a command ends; the README lists them. */
export const EXIT = { ok: 0, failure: 1, usage: 2, notFound: 3, unreachable: 4 } as const;
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

/** Thrown where a server does not answer: `what` is its name, `where` the setting that names its address. */
export class Unreachable extends CliError {
  override readonly name = 'Unreachable';
  constructor(what: string, where: string, reason: string, options?: ErrorOptions) {
    super(`${what} cannot be reached (${where}): ${reason}`, EXIT.unreachable, options);
  }
}

/** One message and an exit code for whatever a command threw. */
export function explainFailure(error: unknown): { message: string; exitCode: ExitCode } {
  const message = error instanceof Error ? error.message : String(error);
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
  if (
    error instanceof MongoServerSelectionError ||
    error instanceof MongoNetworkError ||
    error instanceof S3Unavailable ||
    error instanceof EngineUnavailable
  )
    return true;
  if (error instanceof ConnectionError || error instanceof TimeoutError)
    return !(error.cause instanceof AuthorizationError);
  return error instanceof RequestError && error.isNoResponders();
}

/** Wrong or missing credentials of MongoDB (18, 13) or NATS. */
export function isDenied(error: unknown): boolean {
  if (error instanceof MongoServerError) return error.code === 18 || error.code === 13 || error.code === 8000;
  return error instanceof AuthorizationError;
}
