import { Code, ConnectError } from '@connectrpc/connect';
import { ProblemSchema } from '../../../proto/gen/the0/runtime/v1/common_pb.js';

/** What went wrong, in words for a person. */
export type Problem = {
  message: string;
  cure: string;
  /** Nobody answered at all: the connection, not the request, is to blame. */
  isAway: boolean;
  isEnded: boolean;
  isMissing: boolean;
  /** Of `Problem`, for programs; empty: none came. */
  code: string;
};

export function problemOf(thrown: unknown): Problem {
  const error = ConnectError.from(thrown);
  const [detail] = error.findDetails(ProblemSchema);
  const isAway = detail === undefined && AWAY.has(error.code);
  return {
    message: isAway ? 'The API does not answer' : error.rawMessage,
    cure: detail?.cure ?? '',
    isAway,
    isEnded: error.code === Code.Unauthenticated,
    isMissing: error.code === Code.NotFound,
    code: detail?.code ?? '',
  };
}

/**
 * Codes that a browser's own failures, and a proxy's, come as; with a `Problem` inside it was the API that answered.
 * A fetch that fails is `Unknown` or `Internal` by the browser's kind.
 */
const AWAY: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.Unknown,
  Code.Internal,
  Code.DeadlineExceeded,
]);
