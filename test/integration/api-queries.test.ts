import { createServer, type Server } from 'node:http';
import { toJson } from '@bufbuild/protobuf';
import { durationFromMs, ValueSchema } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { queryContainerName } from '../../model/names.ts';
import { QueryService } from '../../proto/gen/the0/runtime/v1/queries_pb.js';
import { refusalOf, startInProcessApi, type InProcessApi } from '../support/api-in-process.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { openQueryWorld, type QueryWorld } from './query-world.ts';

/** Queries through the API and a real query server. Containers are fake; what listens in them is a server of the test. */
vi.setConfig({ testTimeout: 120_000 });

const servers = testServers();
let engine: FakeEngine;
let world: QueryWorld;
let api: InProcessApi;
const programs: Server[] = [];
let id: string;
/** What the bot's program answers. */
type Given = [status: number, body: string];
let answer: (path: string) => Given | Promise<Given>;

const client = (of = api) => of.client(QueryService);
const environment = (more: Record<string, string> = {}): Record<string, string> => ({
  ...servers.environment,
  QUERY_SERVER_PORT: String(world.port),
  QUERY_TOKEN: 'token-1',
  ...more,
});

beforeAll(async () => {
  engine = createFakeEngine({ installation: servers.installation, images: ['python:3.11-slim'] });
  world = await openQueryWorld({
    servers,
    engine,
    code: { 'main.py': '', 'query.py': '' },
    environment: { QUERIES_PER_BOT: '1', QUERY_TOKEN: 'token-1', QUERY_START: '30s' },
  });
  api = await startInProcessApi(environment());
  id = await world.bot();
  answer = () => [200, JSON.stringify({ status: 'ok', data: 'up' })];
  const first = client().query({ id, path: '/up', timeout: durationFromMs(60_000) });
  const host = await until(
    async () => {
      const container = await engine.inspect(queryContainerName(servers.installation, id));
      return Object.values(container?.addresses ?? {})[0];
    },
    { timeoutMs: 60_000 },
  );
  const server = createServer((request, response) => {
    void Promise.resolve(answer(request.url ?? '')).then(([status, body]) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(body),
    );
  });
  programs.push(server);
  await new Promise<void>((resolve) => server.listen(9476, host, resolve));
  await first;
});
afterAll(async () => {
  for (const server of programs) {
    server.closeAllConnections();
    server.close();
  }
  await api?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
  await engine?.[Symbol.asyncDispose]();
});

describe('a query', () => {
  it('is answered with its program’s data, with every digit of its numbers', async () => {
    const asked: string[] = [];
    answer = (path) => {
      asked.push(path);
      return [200, '{"status":"ok","data":{"fills":[1,2.5],"order":92233720368547758079}}'];
    };
    const { data, exactJson, took } = await client().query({
      id,
      path: '/fills',
      params: { limit: 5, pair: 'BTC/USD' },
    });
    expect(toJson(ValueSchema, data ?? expect.fail())).toMatchObject({ fills: [1, 2.5] });
    expect(exactJson).toBe('{"fills":[1,2.5],"order":92233720368547758079}');
    expect(took).toBeDefined();
    expect(new URL(`http://x${asked[0]}`).searchParams.get('pair')).toBe('BTC/USD');

    answer = () => [200, '{"status":"ok","data":null}'];
    const plain = await client().query({ id, path: '/none' });
    expect([toJson(ValueSchema, plain.data ?? expect.fail()), plain.exactJson]).toEqual([null, '']);
  });

  it('that fails is told in the program’s words, and which queries there are', async () => {
    answer = () => [500, JSON.stringify({ status: 'error', error: 'division by zero' })];
    expect(await refusalOf(client().query({ id, path: '/x' }))).toMatchObject({
      status: 'Unknown',
      code: 'query_failed',
      message: expect.stringContaining('division by zero') as string,
    });
    answer = () => [
      404,
      JSON.stringify({ status: 'error', error: 'no such query', available: ['/status', '/trades'] }),
    ];
    expect(await refusalOf(client().query({ id, path: '/x' }))).toMatchObject({
      status: 'InvalidArgument',
      code: 'query_not_found',
      field: 'path',
      message: expect.stringContaining('/status, /trades') as string,
    });
  });

  it('of what does not exist, or answers none, is not found', async () => {
    expect(await refusalOf(client().query({ id: 'nobody', path: '/x' }))).toMatchObject({
      status: 'NotFound',
      code: 'bot_or_schedule_not_found',
      field: 'id',
    });
    const mute = await world.bot({ query: undefined });
    expect(await refusalOf(client().query({ id: mute, path: '/x' }))).toMatchObject({
      status: 'NotFound',
      code: 'query_program_not_found',
      field: 'id',
    });
  });

  it('that cannot be asked so is refused by its field', async () => {
    expect(await refusalOf(client().query({ id, path: '/../x' }))).toMatchObject({
      status: 'InvalidArgument',
      field: 'path',
    });
    expect(await refusalOf(client().query({ id, path: '/x', timeout: durationFromMs(-5) }))).toMatchObject({
      status: 'InvalidArgument',
      field: 'timeout',
    });
  });

  it('beside too many others is told when to ask again', async () => {
    const release = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    answer = async () => {
      reached.resolve();
      await release.promise;
      return [200, '{"status":"ok","data":1}'];
    };
    const first = client().query({ id, path: '/slow' });
    await reached.promise;
    expect(await refusalOf(client().query({ id, path: '/x' }))).toMatchObject({
      status: 'ResourceExhausted',
      code: 'too_many_queries',
      retryAfterMs: 1_000,
    });
    release.resolve();
    expect(toJson(ValueSchema, (await first).data ?? expect.fail())).toBe(1);
  });

  it('that gets no answer in time is late, by its own time or by its caller’s', async () => {
    answer = () => new Promise(() => undefined);
    const late = { status: 'DeadlineExceeded', code: 'query_too_late', field: 'timeout' };
    expect(await refusalOf(client().query({ id, path: '/x', timeout: durationFromMs(300) }))).toMatchObject(
      late,
    );
    const began = Date.now();
    const refusal = await refusalOf(client().query({ id, path: '/x' }, { timeoutMs: 1_500 }));
    expect(refusal.status).toBe('DeadlineExceeded');
    expect(Date.now() - began).toBeLessThan(10_000);
  });
});

describe('the query server', () => {
  it('that is away, or is none, or takes no questions from here, is told of as that', async () => {
    await using nowhere = await startInProcessApi(environment({ QUERY_SERVER_PORT: '1' }));
    const away = { status: 'Unavailable', code: 'query-server_unavailable', dependency: 'query-server' };
    expect(await refusalOf(client(nowhere).query({ id, path: '/x' }))).toMatchObject(away);

    const other = createServer((_request, response) => void response.writeHead(404).end('<html>'));
    programs.push(other);
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const port = String((other.address() as { port: number }).port);
    await using elsewhere = await startInProcessApi(environment({ QUERY_SERVER_PORT: port }));
    const none = await refusalOf(client(elsewhere).query({ id, path: '/x' }));
    expect(none).toMatchObject(away);
    expect(none.message).toContain('is none (HTTP 404)');

    await using stranger = await startInProcessApi(environment({ QUERY_TOKEN: 'token-2' }));
    const refusal = await refusalOf(client(stranger).query({ id, path: '/x' }));
    expect(refusal).toMatchObject({ status: 'FailedPrecondition', code: 'query_server_refused' });
    expect(refusal.message).not.toContain('token-2');
  });
});
