import { Code, ConnectError } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { ProblemSchema } from '../../../proto/gen/the0/runtime/v1/common_pb.js';
import { liveFailure } from './live-failure.ts';

const refused = (code: Code, problem: string): ConnectError =>
  new ConnectError('refused', code, undefined, [{ desc: ProblemSchema, value: { code: problem } }]);

describe('the end of the live stream', () => {
  it.each([
    ['a standalone MongoDB has none', refused(Code.FailedPrecondition, 'no_change_streams'), 'streamless'],
    ['the API knows of none', new ConnectError('none', Code.Unimplemented), 'streamless'],
    ['the session is over', new ConnectError('who?', Code.Unauthenticated), 'ended'],
    ['its position is known no more', refused(Code.InvalidArgument, 'position_lost'), 'lost'],
    ['MongoDB is away', refused(Code.Unavailable, 'mongodb_unavailable'), 'away'],
    ['nobody answers', new TypeError('Failed to fetch'), 'away'],
  ])('where %s', (_what, thrown, failure) => {
    expect(liveFailure(thrown)).toBe(failure);
  });
});
