import { Code, ConnectError } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProblemSchema } from '../../proto/gen/the0/runtime/v1/common_pb.js';
import { BotService } from '../../proto/gen/the0/runtime/v1/bots_pb.js';
import { EventService } from '../../proto/gen/the0/runtime/v1/events_pb.js';
import { InstallationService, Role } from '../../proto/gen/the0/runtime/v1/installation_pb.js';
import { LoginLimiter } from '../../infra/login-limiter.ts';
import { revokeToken } from '../../producers/control/tokens/tokens.ts';
import { bearer, callJson, clientOf, startTestApi, WAYS, type TestApi } from '../support/api.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
const change = { reason: 'the test wants it', idempotencyKey: '' };
const stopped: string[] = [];
let api: TestApi;
let viewer: string;
let operator: string;
let admin: string;

/** The error of a call, and its detail for programs. */
async function refused(call: Promise<unknown>): Promise<{ code: string; problem: string; message: string }> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  if (error === undefined) throw new Error('It was not refused');
  return {
    code: Code[error.code],
    problem: error.findDetails(ProblemSchema)[0]?.code ?? '',
    message: error.rawMessage,
  };
}

const tokenId = (text: string): string => text.split('_')[1] ?? '';
const revoke = (text: string) =>
  revokeToken(
    { tokens: api.connections.collections.apiTokens, now: api.connections.now },
    { id: tokenId(text), revokedBy: 'test' },
  );

beforeAll(async () => {
  api = await startTestApi({
    environment: servers.environment,
    // Of its own, with more patience: other tests of this file use wrong tokens as well.
    limiter: new LoginLimiter({ freeTries: 100_000 }),
    services: {
      bots: {
        stopBot: ({ id }) => {
          stopped.push(id);
          return { outcome: 'stopped' };
        },
      },
      events: {
        streamEvents: async function* (_request, { signal }) {
          for (let position = 0; !signal.aborted; position += 1) {
            yield { heartbeat: true, position: String(position) };
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        },
      },
    },
  });
  [viewer, operator, admin] = await Promise.all([
    api.token('viewer'),
    api.token('operator'),
    api.token('admin'),
  ]);
});

afterAll(() => api.stop());

describe.each(WAYS)('over %s', (way) => {
  const whoAmI = (token?: string) => clientOf(api, InstallationService, token, way).whoAmI({});

  it('a token says who calls', async () => {
    const answer = await whoAmI(operator);
    expect(answer.name).toMatch(/^operator-/);
    expect(answer.role).toBe(Role.OPERATOR);
  });

  it('nobody gets in without a token', async () => {
    expect(await refused(whoAmI())).toMatchObject({ code: 'Unauthenticated', problem: 'no_token' });
  });

  it.each([
    ['something else', 'hunter2'],
    ['half a token', 'the0_abcdefghijkl'],
    ['a token of another kind', `the1_${'a'.repeat(12)}_${'b'.repeat(43)}`],
    ['a token of a megabyte’s beginning', `the0_${'a'.repeat(5_000)}`],
  ])('nor with %s', async (_what, token) => {
    expect(await refused(whoAmI(token))).toMatchObject({
      code: 'Unauthenticated',
      problem: 'token_malformed',
    });
  });

  it('nor with a right id and a wrong secret, and is not told which of both it was', async () => {
    const wrongSecret = `the0_${tokenId(operator)}_${'x'.repeat(43)}`;
    const wrongId = `the0_${'0'.repeat(12)}_${operator.slice(-43)}`;
    const answers = [await refused(whoAmI(wrongSecret)), await refused(whoAmI(wrongId))];
    expect(answers[0]).toMatchObject({ code: 'Unauthenticated', problem: 'token_unknown' });
    expect(answers[1]).toEqual(answers[0]);
  });

  it('a viewer reads, and stops no bot; that it tried is on record', async () => {
    await whoAmI(viewer);
    const id = `bot-${way}`;
    const answer = await refused(clientOf(api, BotService, viewer, way).stopBot({ id, change }));
    expect(answer).toMatchObject({ code: 'PermissionDenied', problem: 'permission_denied' });
    expect(answer.message).toMatch(/^viewer-\w+ is viewer, and BotService\/StopBot needs operator/);
    expect(stopped).not.toContain(id);
    expect(await api.connections.collections.audit.findOne({ target: id })).toMatchObject({
      role: 'viewer',
      what: 'BotService/StopBot',
      why: change.reason,
      outcome: 'permission_denied',
    });
  });

  it('an operator stops bots, and makes no tokens', async () => {
    const id = `bot-${way}-2`;
    await clientOf(api, BotService, operator, way).stopBot({ id, change });
    expect(stopped).toContain(id);
    const create = clientOf(api, InstallationService, operator, way).createToken({
      name: 'friend',
      role: Role.ADMIN,
      change,
    });
    expect(await refused(create)).toMatchObject({ code: 'PermissionDenied' });
    expect(await api.connections.collections.apiTokens.findOne({ name: 'friend' })).toBeNull();
  });
});

it('a plain HTTP client is told with status, code, cure and a detail that a program can read', async () => {
  const answer = await callJson(api, 'BotService/StopBot', { id: 'b', change }, bearer(viewer));
  expect(answer.status).toBe(403);
  expect(answer.body).toMatchObject({
    code: 'permission_denied',
    details: [{ type: 'the0.runtime.v1.Problem', debug: { code: 'permission_denied' } }],
  });
  expect((await callJson(api, 'InstallationService/WhoAmI', {})).status).toBe(401);
  expect(
    (await callJson(api, 'InstallationService/WhoAmI', {}, { authorization: 'Basic YTpi' })).status,
  ).toBe(401);
});

it('a token that has expired is refused from that moment on', async () => {
  const token = await api.token('viewer', 60_000);
  const call = () => clientOf(api, InstallationService, token).whoAmI({});
  await call();
  await api.connections.collections.apiTokens.updateOne(
    { _id: tokenId(token) },
    { $set: { expiresAt: new Date(Date.now() - 1) } },
  );
  await until(async () => (await refused(call())).problem === 'token_expired', { timeoutMs: 2_000 });
});

it('a revoked token is refused within two seconds, everywhere', async () => {
  const token = await api.token('viewer');
  await using elsewhere = await startTestApi({ environment: servers.environment });
  const calls = [api, elsewhere].map((one) => () => clientOf(one, InstallationService, token).whoAmI({}));
  await Promise.all(calls.map((call) => call()));
  await revoke(token);
  const begunMs = performance.now();
  await until(async () => {
    const answers = await Promise.all(calls.map((call) => refused(call())));
    return answers.every(({ problem }) => problem === 'token_revoked');
  });
  expect(performance.now() - begunMs).toBeLessThan(2_000);
});

it('a stream ends soon after the token of its reader was revoked', async () => {
  const token = await api.token('viewer');
  const read = async (): Promise<number> => {
    let messages = 0;
    for await (const _message of clientOf(api, EventService, token).streamEvents({})) {
      messages += 1;
      if (messages === 3) await revoke(token);
      if (messages > 500) break;
    }
    return messages;
  };
  expect(await refused(read())).toMatchObject({ code: 'Unauthenticated', problem: 'token_revoked' });
});

it('a stream of the dashboard’s page ends soon after its session, as one of a program does', async () => {
  const token = await api.token('viewer');
  const post = (
    path: string,
    headers: Record<string, string>,
    body?: URLSearchParams | Uint8Array<ArrayBuffer>,
  ): Promise<Response> =>
    fetch(`${api.server.url}${path}`, {
      method: 'POST',
      headers: { origin: api.server.url, ...headers },
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    });
  const login = await post('/login', {}, new URLSearchParams({ token }));
  const [cookie = ''] = (login.headers.get('set-cookie') ?? '').split(';');
  const session = await fetch(`${api.server.url}/session`, { headers: { cookie } });
  const { csrfToken } = (await session.json()) as { csrfToken: string };
  const known = { cookie, 'x-csrf-token': csrfToken };
  // An envelope of Connect: flags, length, and the message.
  const message = Buffer.from('\0\0\0\0\u0002{}');
  const streaming = { ...known, 'content-type': 'application/connect+json' };
  const stream = await post('/api/the0.runtime.v1.EventService/StreamEvents', streaming, message);
  expect(stream.status).toBe(200);
  expect((await post('/logout', known)).status).toBe(204);
  const text = await stream.text();
  expect(text).toContain('"heartbeat":true');
  expect(text).toMatch(/"code":"unauthenticated","message":"Your session has ended/);
});

it('a token is kept as a hash alone, and its use to the minute', async () => {
  const token = await api.token('viewer');
  await clientOf(api, InstallationService, token).whoAmI({});
  const stored = await until(() =>
    api.connections.collections.apiTokens.findOne({ _id: tokenId(token), usedAt: { $exists: true } }),
  );
  expect(JSON.stringify(stored)).not.toContain(token.slice(-43));
  expect((stored.usedAt?.getTime() ?? 1) % 60_000).toBe(0);
});

it('an admin makes, lists and revokes tokens; two of one name are not in use at once', async () => {
  const tokens = clientOf(api, InstallationService, admin);
  const made = await tokens.createToken({
    name: 'grafana',
    role: Role.VIEWER,
    lifetime: { seconds: 86_400n },
    change,
  });
  expect((await clientOf(api, InstallationService, made.text).whoAmI({})).name).toBe('grafana');
  const again = tokens.createToken({ name: 'grafana', role: Role.ADMIN, change });
  expect(await refused(again)).toMatchObject({ code: 'AlreadyExists', problem: 'token_exists' });
  const id = made.token?.id ?? '';
  await tokens.revokeToken({ id, change });
  const { tokens: listed } = await tokens.listTokens({});
  expect(listed.find((token) => token.id === id)?.revokedAt).toBeDefined();
  await tokens.createToken({ name: 'grafana', role: Role.VIEWER, change });
  expect(await refused(tokens.revokeToken({ id: 'nobody', change }))).toMatchObject({
    code: 'NotFound',
    problem: 'token_not_found',
  });
  const acts = await api.connections.collections.audit.find({ target: id }).sort({ at: 1 }).toArray();
  expect(acts.map(({ what, outcome }) => `${what} ${outcome}`)).toEqual([
    'InstallationService/CreateToken done',
    'InstallationService/RevokeToken done',
  ]);
});

it('whoever guesses waits, while a caller who is known behind the same address does not', async () => {
  await using guarded = await startTestApi({
    environment: servers.environment,
    limiter: new LoginLimiter({ freeTries: 3, firstWaitMs: 60_000, maxWaitMs: 60_000 }),
  });
  const call = (token: string) => clientOf(guarded, InstallationService, token).whoAmI({});
  await call(viewer);
  const guess = () => refused(call(`the0_${'0'.repeat(12)}_${'g'.repeat(43)}`));
  const answers = [];
  for (let tries = 0; tries < 5; tries += 1) answers.push((await guess()).code);
  expect(answers).toEqual([
    'Unauthenticated',
    'Unauthenticated',
    'Unauthenticated',
    'ResourceExhausted',
    'ResourceExhausted',
  ]);
  await call(viewer);
  // Right, but nobody has seen it here before: it might be a guess.
  expect(await refused(call(operator))).toMatchObject({
    code: 'ResourceExhausted',
    problem: 'too_many_tries',
  });
});
