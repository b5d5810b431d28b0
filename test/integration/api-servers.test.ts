import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { get as httpsGet } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProblemSchema } from '../../proto/gen/the0/runtime/v1/common_pb.js';
import { BotService } from '../../proto/gen/the0/runtime/v1/bots_pb.js';
import { EventService } from '../../proto/gen/the0/runtime/v1/events_pb.js';
import { InstallationService } from '../../proto/gen/the0/runtime/v1/installation_pb.js';
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from '../../proto/gen/grpc/health/v1/health_pb.js';
import { startTestApi, bearer, callJson, clientOf, WAYS, type TestApi } from '../support/api.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';
import { testDirectory, testServers } from '../support/servers.ts';

const run = promisify(execFile);
const servers = testServers();
const MB = 1024 * 1024;
let api: TestApi;
/** One that gives calls little time; whatever else is asked may take its time on a slow machine. */
let hasty: TestApi;
let token: string;
/** How the handlers of this test end. */
const ended: string[] = [];
/** How often the one was begun that waits for the end of its call. */
let begun = 0;

const services = {
  bots: {
    listBots: () => ({ total: 0 }),
    getBot: async ({ id }: { id: string }, { signal }: { signal: AbortSignal }) => {
      if (id !== 'slow') throw new Error(`the password of ${id} is hunter2`);
      begun += 1;
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      ended.push('getBot');
      return {};
    },
    // One that does not look at its signal.
    explainBot: async () => {
      await sleep(3_000);
      return {};
    },
  },
  events: {
    streamEvents: async function* (_request: unknown, { signal }: { signal: AbortSignal }) {
      try {
        while (!signal.aborted) {
          yield { heartbeat: true };
          await sleep(20);
        }
      } finally {
        ended.push('streamEvents');
      }
    },
  },
};

async function problemOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  if (error === undefined) throw new Error('It did not fail');
  const [problem] = error.findDetails(ProblemSchema);
  return { code: Code[error.code], problem: problem?.code, field: problem?.field, message: error.rawMessage };
}

beforeAll(async () => {
  api = await startTestApi({ environment: servers.environment, services });
  hasty = await startTestApi({ environment: servers.environment, services, deadlineMs: 400 });
  token = await api.token('viewer');
});

afterAll(async () => {
  await api?.stop();
  await hasty?.stop();
});

describe.each(WAYS)('over %s', (way) => {
  const bots = () => clientOf(api, BotService, token, way);

  it.each([
    [{ size: 1_001 }, 'page.size'],
    [{ size: -1 }, 'page.size'],
    [{ token: 'x'.repeat(2_049) }, 'page.token'],
  ])('a page of %o is refused, and the field is named', async (page, field) => {
    expect(await problemOf(bots().listBots({ page }))).toMatchObject({
      code: 'InvalidArgument',
      problem: 'invalid_request',
      field,
    });
  });

  it('the largest page is taken', async () => {
    await expect(bots().listBots({ page: { size: 1_000 } })).resolves.toMatchObject({ total: 0 });
  });

  it('a request of 8 MB is refused', async () => {
    const call = bots().listBots({ filter: { text: 'x'.repeat(8 * MB) } }, { timeoutMs: 20_000 });
    expect((await problemOf(call)).code).toBe('ResourceExhausted');
    // And the server is as well as before.
    await bots().listBots({});
  });

  it('a caller’s deadline ends the call and its handler', async () => {
    const before = begun;
    // Once more where the time was up before the handler was reached: there was none to end.
    while (begun === before) {
      const begunMs = performance.now();
      const call = bots().getBot({ id: 'slow' }, { timeoutMs: 150 });
      expect((await problemOf(call)).code).toBe('DeadlineExceeded');
      expect(performance.now() - begunMs).toBeLessThan(1_000);
    }
    await until(() => ended.filter((handler) => handler === 'getBot').length === begun);
  });

  it('without one, ours ends even a call whose handler does not listen', async () => {
    const begunMs = performance.now();
    const call = clientOf(hasty, BotService, token, way).explainBot({ id: 'x' });
    expect((await problemOf(call)).code).toBe('DeadlineExceeded');
    expect(performance.now() - begunMs).toBeLessThan(2_000);
  });

  it('what nobody expected is told without its words', async () => {
    const answer = await problemOf(bots().getBot({ id: 'x' }));
    expect(answer).toMatchObject({ code: 'Internal', problem: 'internal' });
    expect(answer.message).not.toContain('hunter2');
  });

  it('what is not there yet says so', async () => {
    expect((await problemOf(clientOf(api, EventService, token, way).listEvents({ id: 'x' }))).code).toBe(
      'Unimplemented',
    );
  });

  it('a reader that goes away ends its stream', async () => {
    const before = ended.length;
    const reader = new AbortController();
    const read = async (): Promise<void> => {
      let messages = 0;
      const stream = clientOf(api, EventService, token, way).streamEvents({}, { signal: reader.signal });
      for await (const _message of stream) if ((messages += 1) === 3) reader.abort();
    };
    expect((await problemOf(read())).code).toBe('Canceled');
    await until(() => ended.length > before, { timeoutMs: 3_000 });
  });
});

describe('plain HTTP', () => {
  it('reads with GET, as a browser or curl would', async () => {
    const query = new URLSearchParams({ connect: 'v1', encoding: 'json', message: '{}' });
    const url = `${api.server.url}/the0.runtime.v1.InstallationService/WhoAmI?${query.toString()}`;
    const response = await fetch(url, { headers: bearer(token) });
    expect([response.status, await response.json()]).toMatchObject([200, { role: 'ROLE_VIEWER' }]);
  });

  it.each([
    ['no JSON', '{'],
    ['a field that is not there', { filtre: {} }],
    ['a value of another kind', { page: { size: 'many' } }],
    ['a word that is none of the enum', { order: 'BOT_ORDER_COLOUR' }],
  ])('%s is an invalid argument', async (_what, body) => {
    const answer = await callJson(api, 'BotService/ListBots', body, bearer(token));
    expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_argument']);
  });

  it('50 MB are refused without being taken in, with their length told and without', async () => {
    const body = JSON.stringify({ filter: { text: 'x'.repeat(50 * MB) } });
    const told = await callJson(api, 'BotService/ListBots', body, bearer(token));
    expect([told.status, told.body['code']]).toEqual([429, 'resource_exhausted']);
    const chunks = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < 50; at += 1) controller.enqueue(new Uint8Array(MB).fill(32));
        controller.close();
      },
    });
    const untold = await fetch(`${api.server.url}/the0.runtime.v1.BotService/ListBots`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer(token) },
      body: chunks,
      duplex: 'half',
    });
    expect(untold.status).toBe(429);
  });

  it('answers are not kept by caches, and guessed at by nobody', async () => {
    const { headers } = await callJson(api, 'InstallationService/WhoAmI', {}, bearer(token));
    expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual([
      'no-store',
      'nosniff',
    ]);
  });

  it('its description needs no token; what is nowhere is 404, or a matter for who has logged in', async () => {
    const response = await fetch(`${api.server.url}/openapi.json`);
    expect(await response.json()).toMatchObject({ openapi: '3.1.0' });
    // The dashboard's pages lie there too, and who has not logged in learns nothing of them.
    expect((await fetch(`${api.server.url}/nothing`)).status).toBe(401);
    expect(
      (await fetch(`${api.server.url}/the0.runtime.v1.BotService/Nothing`, { method: 'POST' })).status,
    ).toBe(404);
  });
});

describe('health', () => {
  const health = () => clientOf(api, Health);

  it('is told to everybody, for the whole and for each service', async () => {
    await until(async () => (await health().check({})).status === Status.SERVING);
    expect((await health().check({ service: 'the0.runtime.v1.BotService' })).status).toBe(Status.SERVING);
    expect((await problemOf(health().check({ service: 'nobody' }))).code).toBe('NotFound');
  });

  it('is watched: what changes is told', async () => {
    let broken = false;
    await using watched = await startTestApi({
      environment: servers.environment,
      server: { health: { ready: () => ({ status: broken ? 'not-ready' : 'ok', reasons: [] }) } },
    });
    const seen: Status[] = [];
    for await (const { status } of clientOf(watched, Health).watch({})) {
      seen.push(status);
      if (seen.length === 3) break;
      broken = !broken;
    }
    expect(seen).toEqual([Status.SERVING, Status.NOT_SERVING, Status.SERVING]);
    for await (const { status } of clientOf(watched, Health).watch({ service: 'nobody' })) {
      expect(status).toBe(Status.SERVICE_UNKNOWN);
      break;
    }
  });
});

it('the installation is told as far as it can be seen, and Redis being away hides the rest from nobody', async () => {
  const redis = new URL(servers.environment['REDIS_URL'] ?? '');
  await using proxy = await FaultProxy.start(Number(redis.port));
  await using cut = await startTestApi({
    environment: { ...servers.environment, REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
  });
  const stats = async () => (await clientOf(cut, InstallationService, token).getStats({})).stats;
  const whole = await until(async () => {
    const found = await stats();
    return found?.servers.find(({ name }) => name === 'redis')?.reachable === true &&
      found.processes.length > 0
      ? found
      : undefined;
  });
  expect(whole.installation).toBe(servers.installation);
  expect(whole.servers.map(({ name }) => name)).toEqual(['mongodb', 'redis', 'nats', 's3', 'engine']);
  const mongo = whole.servers.find(({ name }) => name === 'mongodb');
  expect(mongo).toMatchObject({ reachable: true, problem: '' });
  expect(mongo?.version).toMatch(/^\d+\.\d+/);
  expect(Math.abs(Number(mongo?.clockSkew?.seconds ?? 0n))).toBeLessThan(5);
  proxy.cut();
  const rest = await until(async () => {
    const found = await stats();
    return found?.servers.find(({ name }) => name === 'redis')?.reachable === false ? found : undefined;
  });
  expect(rest.servers.find(({ name }) => name === 'mongodb')?.reachable).toBe(true);
  expect(rest.servers.find(({ name }) => name === 'redis')?.problem).not.toBe('');
});

it('a server that stops tells its readers, and does not wait for them', async () => {
  const stopping = await startTestApi({ environment: servers.environment, services });
  const follows = Promise.withResolvers<void>();
  const read = async (): Promise<void> => {
    for await (const _message of clientOf(stopping, EventService, token).streamEvents({})) follows.resolve();
  };
  const reading = problemOf(read());
  await Promise.race([follows.promise, reading]);
  const begunMs = performance.now();
  await stopping.stop();
  expect(performance.now() - begunMs).toBeLessThan(3_000);
  expect(await reading).toMatchObject({ code: 'Unavailable', problem: 'stopping' });
});

it('many calls over one connection at once are all answered', async () => {
  const installation = clientOf(api, InstallationService, token);
  const answers = await Promise.all(Array.from({ length: 300 }, () => installation.whoAmI({})));
  expect(new Set(answers.map(({ role }) => role)).size).toBe(1);
});

it('50 MB over gRPC are refused while they come', async () => {
  const session = connectHttp2(`http://127.0.0.1:${api.server.grpc.port}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/the0.runtime.v1.BotService/ListBots',
    'content-type': 'application/grpc+proto',
    ...bearer(token),
  });
  stream.on('error', () => undefined);
  const status = new Promise<unknown>((resolve) =>
    stream.once('trailers', (trailers: Record<string, unknown>) => resolve(trailers['grpc-status'])),
  );
  stream.resume();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(50 * MB, 1);
  stream.write(head);
  let sent = 0;
  const send = (): void => {
    while (sent < 50 * MB && !stream.destroyed) {
      sent += 65_536;
      if (!stream.write(Buffer.alloc(65_536, 120))) return void stream.once('drain', send);
    }
  };
  send();
  expect(await status).toBe(String(Code.ResourceExhausted));
  expect(sent).toBeLessThan(50 * MB);
  session.destroy();
});

it('nonsense on gRPC’s port ends its own connection alone', async () => {
  const session = connectHttp2(`http://127.0.0.1:${api.server.grpc.port}`);
  session.on('error', () => undefined);
  const stream = session.request({ ':method': 'POST', ':path': '/the0.runtime.v1.BotService/ListBots' });
  stream.on('error', () => undefined);
  stream.write('\x00\xff\xff\xff\xffnonsense');
  await sleep(100);
  session.destroy();
  await clientOf(api, InstallationService, token).whoAmI({});
});

describe('reachable from elsewhere', () => {
  const everywhere = { http: { host: '127.0.0.1', port: 0 }, grpc: { host: '0.0.0.0', port: 0 } };

  it('it does not start before there is a token, and says how to make one', async () => {
    const fresh = testServers();
    const start = startTestApi({ environment: fresh.environment, server: everywhere });
    await expect(start).rejects.toThrow(
      /^The control API refuses to listen on GRPC_HOST=0\.0\.0\.0, .* make one with "the0-runtime tokens create NAME --role admin"/,
    );
  });

  it('nor with tokens of which none is of use any more', async () => {
    const fresh = testServers();
    await using local = await startTestApi({ environment: fresh.environment });
    const { apiTokens } = local.connections.collections;
    await local.token('admin', 60_000);
    await apiTokens.updateMany({}, { $set: { expiresAt: new Date(Date.now() - 1_000) } });
    await local.token('admin');
    await apiTokens.updateMany({ expiresAt: { $exists: false } }, { $set: { revokedAt: new Date() } });
    await expect(startTestApi({ environment: fresh.environment, server: everywhere })).rejects.toThrow(
      /refuses to listen/,
    );
  });

  it('it starts with one', async () => {
    await using open = await startTestApi({ environment: servers.environment, server: everywhere });
    await clientOf(open, InstallationService, token).whoAmI({});
  });
});

it('with a certificate both ports speak TLS', async () => {
  const dir = testDirectory();
  mkdirSync(dir, { recursive: true });
  const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await run('openssl', ['req', '-x509', ...key, ...subject, '-keyout', keyFile, '-out', certFile]);
  await using secure = await startTestApi({
    environment: servers.environment,
    server: { tls: { certFile, keyFile } },
  });
  expect(secure.server.url).toMatch(/^https:/);
  const transport = createGrpcTransport({
    baseUrl: `https://127.0.0.1:${secure.server.grpc.port}`,
    nodeOptions: { rejectUnauthorized: false },
  });
  const options = { headers: bearer(token) };
  await createClient(InstallationService, transport).whoAmI({}, options);
  const status = await new Promise<number | undefined>((resolve, reject) => {
    httpsGet(`${secure.server.url}/openapi.json`, { rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
  expect(status).toBe(200);
  await expect(
    startTestApi({
      environment: servers.environment,
      server: { tls: { certFile, keyFile: join(dir, 'none.pem') } },
    }),
  ).rejects.toThrow(/^CONTROL_TLS_KEY_FILE=.*none\.pem cannot be read/);
});
