import { Code, ConnectError } from '@connectrpc/connect';
import { create } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { ProblemSchema } from '../../proto/gen/the0/runtime/v1/common_pb.js';
import { CliError, EXIT } from '../errors.ts';
import { apiOver } from './api.ts';
import { told, type Where } from './failure.ts';
import { readServerUrl } from './server-url.ts';

/** Nothing is asked of it here. */
const api = apiOver({
  unary: () => Promise.reject(new Error('nobody is asked')),
  stream: () => Promise.reject(new Error('nobody is asked')),
});
const elsewhere: Where = { server: readServerUrl('https://trade.example:8090') };
const here: Where = { origin: 'of the running `up`, process 7' };

const refused = (
  code: Code,
  of: { code?: string; field?: string; dependency?: string; subject?: string } = {},
) =>
  new ConnectError('It cannot be: do otherwise', code, undefined, [
    { desc: ProblemSchema, value: create(ProblemSchema, { cure: 'do otherwise', code: 'some_code', ...of }) },
  ]);

async function failure(error: unknown, where = elsewhere): Promise<CliError> {
  const outcome = await told(error, where, api);
  if (!(outcome instanceof CliError)) throw new Error('It is none');
  return outcome;
}

it.each([
  [Code.InvalidArgument, EXIT.usage],
  [Code.NotFound, EXIT.notFound],
  [Code.Unavailable, EXIT.unreachable],
  [Code.Unauthenticated, EXIT.denied],
  [Code.PermissionDenied, EXIT.denied],
  [Code.Aborted, EXIT.conflict],
  [Code.AlreadyExists, EXIT.conflict],
  [Code.DeadlineExceeded, EXIT.timeout],
  [Code.ResourceExhausted, EXIT.exhausted],
  [Code.FailedPrecondition, EXIT.failure],
  [Code.Unknown, EXIT.failure],
  [Code.Internal, EXIT.failure],
])('code %d of the API ends with %d, in its own words', async (code, exitCode) => {
  expect(await failure(refused(code))).toMatchObject({ exitCode, message: 'It cannot be: do otherwise' });
});

it('names the flag for the field, and where what is away is looked for', async () => {
  const field = refused(Code.InvalidArgument, { field: 'change.reason' });
  expect((await failure(field)).message).toBe('--why: It cannot be: do otherwise');
  const away = refused(Code.Unavailable, { dependency: 'redis' });
  expect((await failure(away, here)).message).toMatch(/ \(REDIS_URL, of the running `up`, process 7\)$/);
  expect((await failure(away)).message).toMatch(/ \(so says https:\/\/trade\.example:8090\)$/);
});

it('what there is not is told with where to look, though nothing can be looked up', async () => {
  const missing = refused(Code.NotFound, { code: 'bot_not_found', subject: 'b1' });
  expect((await failure(missing)).message).toBe('There is no bot "b1". See: npx the0-runtime bots');
  // Of an older server.
  expect((await failure(refused(Code.NotFound, { code: 'bot_not_found' }))).message).toBe(
    'It cannot be: do otherwise',
  );
});

it('what the way to it says is told as such', async () => {
  expect(await failure(new ConnectError('late', Code.DeadlineExceeded))).toMatchObject({
    exitCode: EXIT.timeout,
    message: expect.stringContaining('may still be done') as string,
  });
  expect(await failure(new ConnectError('HTTP 404', Code.Unimplemented))).toMatchObject({
    exitCode: EXIT.failure,
    message: expect.stringContaining('see whether it is a control API') as string,
  });
  expect(await failure(new ConnectError('hang up', Code.Unavailable))).toMatchObject({
    exitCode: EXIT.unreachable,
    message: 'The control API at https://trade.example:8090 cannot be reached: hang up',
  });
});

it('what is no failure of a call stays what it is', async () => {
  const own = new CliError('The run is failed');
  expect(await told(own, elsewhere, api)).toBe(own);
});
