import { Code, ConnectError } from '@connectrpc/connect';
import { problemOf } from '../api/problem.ts';

/**
 * What the end of the live stream means. `ended`: the session is over. `lost`: its position is known no more, so all is read
 * again. `streamless`: the API answers, and has no stream. `away`: nobody answers, or not as they should.
 */
export type LiveFailure = 'ended' | 'lost' | 'streamless' | 'away';

/** On a standalone MongoDB, which tells nobody of changes; and of an API that knows of no such stream. */
const STREAMLESS: ReadonlySet<Code> = new Set([Code.FailedPrecondition, Code.Unimplemented]);

export function liveFailure(thrown: unknown): LiveFailure {
  const { isEnded, code } = problemOf(thrown);
  if (isEnded) return 'ended';
  if (code === 'position_lost') return 'lost';
  return STREAMLESS.has(ConnectError.from(thrown).code) ? 'streamless' : 'away';
}
