import { Code, ConnectError } from '@connectrpc/connect';
import { ProblemSchema, type Problem } from '../../proto/gen/the0/runtime/v1/common_pb.js';
import { CliError, EXIT, notFound, type ExitCode } from '../errors.ts';
import type { Api } from './api.ts';
import { connectionTrouble } from './connection-trouble.ts';
import { inFlags } from './problem-words.ts';
import type { ServerUrl } from './server-url.ts';
import { suggestion } from './suggestion.ts';

/** Where the API is answered: over the network, or in this process on servers that were found so. */
export type Where = { server: ServerUrl } | { origin: string };

const EXITS: Partial<Readonly<Record<Code, ExitCode>>> = {
  [Code.InvalidArgument]: EXIT.usage,
  [Code.OutOfRange]: EXIT.usage,
  [Code.NotFound]: EXIT.notFound,
  [Code.Unavailable]: EXIT.unreachable,
  [Code.Unauthenticated]: EXIT.denied,
  [Code.PermissionDenied]: EXIT.denied,
  [Code.Aborted]: EXIT.conflict,
  [Code.AlreadyExists]: EXIT.conflict,
  [Code.DeadlineExceeded]: EXIT.timeout,
  [Code.ResourceExhausted]: EXIT.exhausted,
};

/** By which setting each server is found from here. */
const SETTINGS: Readonly<Record<string, string>> = {
  mongodb: 'MONGO_URI',
  redis: 'REDIS_URL',
  nats: 'NATS_URL',
  s3: 'S3_ENDPOINT',
};

/**
 * What a command says of whatever a call of the API threw, with the exit code for its kind. Where an id is unknown, those are
 * looked up that may have been meant. What is no failure of a call is given back as it is.
 */
export async function told(error: unknown, where: Where, api: Api): Promise<unknown> {
  if (!(error instanceof ConnectError)) return error;
  const [problem] = error.findDetails(ProblemSchema);
  const exit = EXITS[error.code] ?? EXIT.failure;
  if (problem === undefined) return untold(error, where, exit);
  const options = { cause: error };
  if (error.code === Code.NotFound) {
    const more = await suggestion(api, problem).catch(() => '');
    return new CliError(`${missing(error, problem)}${more}`, exit, options);
  }
  return new CliError(`${inFlags(error.rawMessage, problem)}${placeOf(problem, where)}`, exit, options);
}

const LISTED = ['bot', 'schedule', 'run', 'rollout', 'bot or schedule'] as const;

function missing(error: ConnectError, problem: Problem): string {
  const kind = LISTED.find((each) => problem.code === `${each.replaceAll(' ', '_')}_not_found`);
  // Of an older server the subject is not known.
  if (kind === undefined || problem.subject === '') return inFlags(error.rawMessage, problem);
  return notFound(kind, problem.subject).message;
}

/** Where something is away, which of them: that of a server elsewhere, or one that was found so. */
function placeOf({ dependency }: Problem, where: Where): string {
  if (dependency === '') return '';
  if ('server' in where) return ` (so says ${where.server.given})`;
  const setting = SETTINGS[dependency];
  return setting === undefined ? '' : ` (${setting}, ${where.origin})`;
}

/** What was not told by the API itself, but by the way to it. */
function untold(error: ConnectError, where: Where, exit: ExitCode): CliError {
  const options = { cause: error };
  if (!('server' in where)) return new CliError(error.rawMessage, exit, options);
  const { given } = where.server;
  if (error.code === Code.DeadlineExceeded)
    return new CliError(
      `${given} has not answered in time. What was asked for may still be done: look before you ask again`,
      exit,
      options,
    );
  if (error.code === Code.Unimplemented)
    return new CliError(
      `What answers at ${given} does not know this: see whether it is a control API, and as new as this command line`,
      EXIT.failure,
      options,
    );
  return connectionTrouble(error, where.server);
}
