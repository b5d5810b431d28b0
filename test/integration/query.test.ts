import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { LABEL } from '../../model/labels.ts';
import { queryContainerName } from '../../model/names.ts';
import { QuerySweep } from '../../processors/query/sweep.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { openQueryWorld, type QueryWorld } from './query-world.ts';

/**
 * The query server's table of answers (contract §6.2), its limits, and what it does when others are away. Containers are
 * fake; what would listen in them is a server of the test at the container's address.
 */
/** For a machine that is busy with other things. */
vi.setConfig({ testTimeout: 120_000 });

const servers = testServers();
let engine: FakeEngine;
let world: QueryWorld;
const programs: Server[] = [];

/** Lets something answer for a bot's container as soon as it has an address. */
async function serveFor(botId: string, handler: Parameters<typeof createServer>[1]): Promise<void> {
  const host = await until(
    async () => {
      const container = await engine.inspect(queryContainerName(servers.installation, botId));
      return Object.values(container?.addresses ?? {})[0];
    },
    { timeoutMs: 60_000 },
  );
  const server = createServer(handler ?? (() => undefined));
  programs.push(server);
  await new Promise<void>((resolve) => server.listen(9476, host, resolve));
}

const ok = (data: unknown) => JSON.stringify({ status: 'ok', data });

beforeAll(async () => {
  engine = createFakeEngine({ installation: servers.installation, images: ['python:3.11-slim'] });
  world = await openQueryWorld({
    servers,
    engine,
    code: { 'main.py': '', 'query.py': '' },
    environment: {
      QUERIES_PER_BOT: '2',
      QUERIES_AT_ONCE: '3',
      QUERY_CONTAINERS: '40',
      QUERY_TOKEN: 'token-1',
      QUERY_START: '30s',
    },
  });
});

afterAll(async () => {
  for (const server of programs) {
    server.closeAllConnections();
    server.close();
  }
  await world?.[Symbol.asyncDispose]();
  await engine?.[Symbol.asyncDispose]();
});

const auth = { authorization: 'Bearer token-1' };
const post = (body: unknown, more: Parameters<QueryWorld['send']>[1] = {}) =>
  world.send(typeof body === 'string' ? body : JSON.stringify(body), {
    ...more,
    headers: { ...auth, ...more?.headers },
  });
const ask = (botId: string, path: string, more: object = {}) =>
  post({ bot_id: botId, query_path: path, ...more });

describe('the table of answers', () => {
  it('tells that it is there', async () => {
    const health = await world.send('', { method: 'GET', path: '/health' });
    expect([health.http, health.text]).toEqual([200, '{"status":"ok"}']);
  });

  it.each([
    [405, 'method not allowed', '', { method: 'GET' }],
    [405, 'method not allowed', '', { method: 'PUT' }],
    [404, 'not found', '', { path: '/queries' }],
    [400, 'invalid request body', '{"bot_id":', {}],
    [400, 'invalid request body', '\0\x01', {}],
    [400, 'invalid request body: expected a JSON object', '[]', {}],
    [400, 'bot_id is required', '{}', {}],
    [400, 'query_path is required', '{"bot_id":"x"}', {}],
    [400, 'query_path may hold no "." and ".." segments', '{"bot_id":"x","query_path":"/../y"}', {}],
    [404, 'bot not found: nobody', '{"bot_id":"nobody","query_path":"/x"}', {}],
    [413, 'the body is larger than 1024 KB', JSON.stringify({ x: 'y'.repeat(10_000_000) }), {}],
  ])('answers %i “%s”', async (status, error, body, more) => {
    const answer = await post(body, more);
    expect(answer.http).toBe(status);
    expect(Object.keys(answer.body)).toEqual(['status', 'error', 'duration', 'timestamp']);
    expect(answer.body).toMatchObject({ status: 'error', error });
    if (status === 413) expect(Number.isInteger(answer.body.duration)).toBe(true);
    else expect(answer.body.duration).toBe(0);
    expect(new Date(answer.body.timestamp).toISOString()).toBe(answer.body.timestamp);
    expect(answer.headers['content-type']).toBe('application/json');
  });

  it('asks for the token where one is set', async () => {
    for (const headers of [{}, { authorization: 'Bearer token-2' }, { authorization: 'token-1' }]) {
      const answer = await world.send('{}', { headers });
      expect(answer.http).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  });

  it('does not know a bot without a query program', async () => {
    const botId = await world.bot({ query: undefined });
    expect((await ask(botId, '/x')).http).toBe(404);
  });

  it('survives callers that say nothing, nonsense, or leave', async () => {
    for (const text of ['', 'GET', '\0\0\0', 'POST /query HTTP/1.1\r\nContent-Length: 99\r\n\r\n{']) {
      const socket = connect(world.port, '127.0.0.1');
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.end(text);
      socket.on('error', () => undefined);
    }
    expect((await world.send('', { method: 'GET', path: '/health' })).http).toBe(200);
  });
});

describe('a container that serves', () => {
  it('gets the parameters in the URL and in the body, and its answer is handed on', async () => {
    const botId = await world.bot();
    const seen: unknown[] = [];
    const [answer] = await Promise.all([
      ask(botId, '/trades', { params: { limit: 5, q: 'a&b' } }),
      serveFor(botId, (request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => {
          seen.push([request.method, request.url, JSON.parse(body)]);
          response.end(ok({ big: 1 }).replace('1}', '9007199254740993}'));
        });
      }),
    ]);
    expect(answer.http).toBe(200);
    expect(answer.text).toMatch(
      /^\{"status":"ok","data":\{"big":9007199254740993\},"duration":\d+,"timestamp":"/,
    );
    expect(seen).toEqual([['POST', '/trades?limit=5&q=a%26b', { limit: 5, q: 'a&b' }]]);
    const container = await engine.inspect(queryContainerName(servers.installation, botId));
    expect(container?.labels).toMatchObject({ [LABEL.kind]: 'query', [LABEL.type]: 'query' });
  });

  it('is protected from too many questions, and so are we', async () => {
    const [one, other] = [await world.bot(), await world.bot()];
    const waiting: (() => void)[] = [];
    const hold = (): Promise<unknown>[] => [ask(one, '/x'), ask(one, '/x')];
    const serve = (botId: string) =>
      serveFor(botId, (request, response) => {
        request.resume();
        if (request.url === '/x') waiting.push(() => response.end(ok('at last')));
        else response.end(ok('quick'));
      });
    const held = hold();
    await serve(one);
    await until(() => waiting.length === 2, { timeoutMs: 60_000 });
    const third = await ask(one, '/x');
    expect(third.http).toBe(429);
    expect(third.headers['retry-after']).toBe('1');
    expect(third.body.error).toMatch(/QUERIES_PER_BOT/);
    const others = ask(other, '/x');
    await serve(other);
    await until(() => waiting.length === 3, { timeoutMs: 60_000 });
    expect((await ask(other, '/y')).body.error).toMatch(/QUERIES_AT_ONCE/);
    for (const go of waiting) go();
    for (const answer of await Promise.all([...held, others])) expect(answer).toMatchObject({ http: 200 });
    expect((await ask(other, '/y')).body.data).toBe('quick');
  });

  it('that hangs is replaced, and a caller that leaves holds no place', async () => {
    const botId = await world.bot();
    const warm = ask(botId, '/warm');
    await serveFor(botId, (request, response) => {
      request.resume();
      if (request.url === '/warm') response.end(ok(1));
    });
    expect((await warm).http).toBe(200);
    // Read before it hangs: two seconds after the 504 it may be another one.
    const made = (await world.services.collections.queryContainers.findOne({ _id: botId }))?.containerId;
    expect((await ask(botId, '/x', { timeout_sec: 1 })).http).toBe(504);
    await until(
      async () => {
        const now = await engine.inspect(queryContainerName(servers.installation, botId));
        return now !== undefined && now.id !== made;
      },
      { timeoutMs: 60_000 },
    );
    const left = new AbortController();
    const asking = world
      .ask(botId, '/x', { signal: left.signal })
      .catch((error: unknown) => (error as Error).name);
    left.abort();
    expect(await asking).toBe('AbortError');
  });

  it('that works on for too many who are gone is replaced, and answers again', async () => {
    const botId = await world.bot();
    const warm = ask(botId, '/health');
    const answering: Parameters<typeof createServer>[1] = (request, response) => {
      request.resume();
      // A server with threads: each question for itself, and those that nobody waits for go on.
      if (request.url !== '/slow') response.end(ok(1));
    };
    await serveFor(botId, answering);
    expect((await warm).http).toBe(200);
    const container = async () => engine.inspect(queryContainerName(servers.installation, botId));
    const made = (await container())?.id;
    expect((await ask(botId, '/slow', { timeout_sec: 0.5 })).http).toBe(504);
    expect((await ask(botId, '/quick')).http).toBe(200);
    expect((await container())?.id).toBe(made);
    // As many as may be in hand at once.
    expect((await ask(botId, '/slow', { timeout_sec: 0.5 })).http).toBe(504);
    await until(
      async () => {
        const now = await container();
        return now !== undefined && now.id !== made;
      },
      { timeoutMs: 60_000 },
    );
    const after = ask(botId, '/quick');
    await serveFor(botId, answering);
    expect((await after).http).toBe(200);
  });

  it('that wants to speak something else gets an error, and holds no place', async () => {
    const botId = await world.bot();
    const first = ask(botId, '/x');
    await serveFor(botId, (request) => {
      request.resume();
      request.socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    });
    expect((await first).body.error).toMatch(/answered HTTP 101/);
    for (let more = 0; more < 3; more += 1) expect((await ask(botId, '/x')).http).toBe(500);
  });

  it('answers after a connection that stood was closed under us', async () => {
    const botId = await world.bot();
    const first = ask(botId, '/x');
    const sockets: { destroy(): void }[] = [];
    await serveFor(botId, (request, response) => {
      request.resume();
      sockets.push(request.socket);
      response.end(ok(sockets.length));
    });
    expect((await first).body.data).toBe(1);
    for (const socket of sockets) socket.destroy();
    expect((await ask(botId, '/x')).body.data).toBe(2);
    const record = await world.services.collections.queryContainers.findOne({ _id: botId });
    expect(record?.broken).toBeUndefined();
  });
});

it('a query program cannot ask for others', async () => {
  const own = testServers();
  await using inside = await openQueryWorld({
    servers: own,
    engine: createFakeEngine({ installation: own.installation }),
    code: { 'query.py': '' },
    // As if we were asked out of the query programs' networks.
    environment: { QUERY_NETWORK_POOL: '127.0.0.0/8' },
    worker: false,
  });
  expect(await inside.ask('x', '/x')).toMatchObject({
    http: 403,
    body: { status: 'error', error: 'query programs ask no queries' },
  });
});

describe('when others are away', () => {
  it('the engine: 503, and the next query tries again', async () => {
    const botId = await world.bot();
    await engine.control.setUnavailable(true);
    try {
      const answer = await ask(botId, '/x');
      expect(answer.http).toBe(503);
      expect(answer.body.status).toBe('error');
      expect(answer.headers['retry-after']).toBe('1');
    } finally {
      await engine.control.setUnavailable(false);
    }
    await until(
      async () => {
        const again = ask(botId, '/x', { timeout_sec: 2 });
        const started = (await again).http;
        return started === 504;
      },
      { timeoutMs: 60_000 },
    );
    // The 504 may have come while it was still being made.
    await until(
      async () => (await engine.inspect(queryContainerName(servers.installation, botId))) !== undefined,
    );
  });

  it('MongoDB: 503 and not 404; Redis: what is warm answers all the same', async () => {
    const own = testServers();
    const mongoAt = new URL(own.mongoUri);
    const redisAt = new URL(own.redisUrl);
    await using mongo = await FaultProxy.start(Number(mongoAt.port));
    await using redis = await FaultProxy.start(Number(redisAt.port));
    mongoAt.port = String(mongo.port);
    mongoAt.searchParams.set('directConnection', 'true');
    redisAt.port = String(redis.port);
    const far = createFakeEngine({ installation: own.installation, images: ['python:3.11-slim'] });
    await using cut = await openQueryWorld({
      servers: own,
      engine: far,
      code: { 'query.py': '' },
      environment: { MONGO_URI: mongoAt.toString(), REDIS_URL: redisAt.toString() },
    });
    const botId = await cut.bot();
    const cold = await cut.bot();
    const first = cut.ask(botId, '/x');
    const host = await until(
      async () => {
        const container = await far.inspect(queryContainerName(own.installation, botId));
        return Object.values(container?.addresses ?? {})[0];
      },
      { timeoutMs: 60_000 },
    );
    const server = createServer((request, response) => {
      request.resume();
      response.end(ok('warm'));
    });
    programs.push(server);
    server.listen(9476, host);
    expect((await first).body.data).toBe('warm');
    redis.cut();
    expect((await cut.ask(botId, '/x')).body.data).toBe('warm');
    const noQueue = await cut.ask(cold, '/x');
    expect([noQueue.http, noQueue.body.error]).toEqual([503, expect.stringMatching(/work queue is away/)]);
    mongo.cut();
    for (const id of [botId, 'nobody']) {
      const away = await cut.ask(id, '/x');
      expect([away.http, away.body.error]).toEqual([503, 'the database is away: try again soon']);
    }
    mongo.heal();
    redis.heal();
    await until(async () => (await cut.ask(botId, '/x')).http === 200, { timeoutMs: 90_000, everyMs: 500 });
    expect((await cut.ask('nobody', '/x')).http).toBe(404);
  });

  it('nobody who takes jobs: 504 at the time limit', async () => {
    const own = testServers();
    const quiet = await openQueryWorld({
      servers: own,
      engine: createFakeEngine({ installation: own.installation }),
      code: { 'query.py': '' },
      worker: false,
    });
    try {
      const answer = await quiet.ask(await quiet.bot(), '/x', { timeout_sec: 0.5 });
      expect(answer.http).toBe(504);
      expect(answer.body.error).toBe('its query container was not ready within 0.5 seconds');
    } finally {
      await quiet[Symbol.asyncDispose]();
    }
  });
});

it('many first queries at once make no more containers than QUERY_CONTAINERS', async () => {
  const own = testServers();
  const small = createFakeEngine({ installation: own.installation, images: ['python:3.11-slim'] });
  await using few = await openQueryWorld({
    servers: own,
    engine: small,
    code: { 'main.py': '', 'query.py': '' },
    environment: { QUERY_CONTAINERS: '2' },
  });
  const bots = await Promise.all(Array.from({ length: 6 }, () => few.bot()));
  let asked = false;
  const answers = Promise.all(bots.map((botId) => few.ask(botId, '/x', { timeout_sec: 8 }))).finally(
    () => (asked = true),
  );
  let most = 0;
  await until(
    async () => {
      most = Math.max(most, (await small.list({ labels: { [LABEL.kind]: 'query' } })).length);
      return asked;
    },
    { timeoutMs: 60_000, everyMs: 10 },
  );
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(2);
  const reasons = (await answers).map(({ body }) => body.error ?? '');
  expect(reasons).toContainEqual(expect.stringMatching(/^All 2 query containers are in use/));
  // Such as those that another processor is just making.
  await few.services.collections.queryContainers.deleteMany({});
  expect((await few.ask(await few.bot(), '/x')).body.error).toMatch(/^All 2 query containers are in use/);
});

it('a sweep takes away what nobody claims, and only after it has been seen for a while', async () => {
  let now = 0;
  const sweep = new QuerySweep(world.context, { monotonicMs: () => now });
  const botId = await world.bot();
  const asking = ask(botId, '/x');
  await serveFor(botId, (request, response) => {
    request.resume();
    response.end(ok(1));
  });
  await asking;
  const name = queryContainerName(servers.installation, botId);
  await world.services.collections.queryContainers.deleteOne({ _id: botId });
  await sweep.sweep();
  now += 60_000;
  await sweep.sweep();
  expect((await engine.inspect(name))?.state).toBe('running');
  now += 61_000;
  await sweep.sweep();
  expect(await engine.inspect(name)).toBeUndefined();
  const volumes = await engine.listVolumes({ [LABEL.kind]: 'query-launch', [LABEL.id]: botId });
  expect(volumes).toEqual([]);
});
