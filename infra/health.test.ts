import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../test/support/poll.ts';
import { Liveness } from './health-liveness.ts';
import { startHealthServer, type HealthServer } from './health-server.ts';
import { Health } from './health.ts';
import { createLogger } from './logger.ts';

const lines: string[] = [];
const log = createLogger({
  level: 'info',
  service: 'test',
  destination: { write: (line) => lines.push(line) },
});
const open: (HealthServer | Health)[] = [];

afterEach(async () => {
  for (const thing of open.splice(0)) await (thing instanceof Health ? thing.stop() : thing.close());
  lines.length = 0;
});

function makeHealth(state: { notServing?: string } = {}): Health {
  const health = new Health({ log, isServing: () => state.notServing });
  open.push(health);
  return health;
}

async function serve(health: Health): Promise<(path: string) => Promise<{ status: number; text: string }>> {
  const server = await startHealthServer({
    health,
    host: '127.0.0.1',
    port: 0,
    portSetting: 'HEALTH_PORT',
    metrics: async () => ({ contentType: 'text/plain', body: 'm 1\n' }),
  });
  open.push(server);
  return async (path) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return { status: response.status, text: await response.text() };
  };
}

describe('the health server', () => {
  it('answers as the contract has it when all is well', async () => {
    const get = await serve(makeHealth());
    expect(await get('/healthz')).toEqual({ status: 200, text: 'ok' });
    expect(await get('/readyz?verbose')).toEqual({ status: 200, text: 'ok' });
    expect(await get('/metrics')).toEqual({ status: 200, text: 'm 1\n' });
    expect((await get('/')).status).toBe(404);
  });

  it('is not ready, and says what is missing, from the first moment until a need is met', async () => {
    const health = makeHealth();
    let up = false;
    health.check(
      'mongo',
      async () => {
        if (!up) throw new Error('connect ECONNREFUSED mongodb://user:secret@db:27017');
      },
      { everyMs: 5 },
    );
    const get = await serve(health);
    expect(await get('/readyz')).toEqual({ status: 503, text: 'not ready: mongo: not probed yet' });
    health.start();
    await until(async () => (await get('/readyz')).text.includes('ECONNREFUSED'));
    expect((await get('/readyz')).text).toBe('not ready: mongo: connect ECONNREFUSED mongodb://***@db:27017');
    expect((await get('/healthz')).status).toBe(200);
    up = true;
    await until(async () => (await get('/readyz')).status === 200);
  });

  it('answers at once although a server it needs hangs', async () => {
    const health = makeHealth();
    health.check('redis', () => new Promise(() => undefined), { timeoutMs: 20, everyMs: 10_000 });
    health.start();
    const get = await serve(health);
    await until(async () => (await get('/readyz')).text === 'not ready: redis: no answer within 20 ms');
  });

  it('stays ready but says that it is degraded', async () => {
    const health = makeHealth();
    health.check('nats', () => Promise.reject(new Error('away')), { degradesOnly: true });
    health.degrade('changes', 'polling, since MongoDB is no replica set');
    health.start();
    const get = await serve(health);
    await until(async () => (await get('/readyz')).text.includes('away'));
    expect(await get('/readyz')).toEqual({
      status: 200,
      text: 'degraded: nats: away; changes: polling, since MongoDB is no replica set',
    });
    health.degrade('changes', undefined);
    expect((await get('/readyz')).text).toBe('degraded: nats: away');
    let idle: string | undefined = 'no events for 6 s';
    health.degrade('events', () => idle);
    expect((await get('/readyz')).text).toBe('degraded: nats: away; events: no events for 6 s');
    idle = undefined;
    expect((await get('/readyz')).text).toBe('degraded: nats: away');
  });

  it('is not ready from the moment the process drains', async () => {
    const state: { notServing?: string } = {};
    const get = await serve(makeHealth(state));
    expect((await get('/readyz')).status).toBe(200);
    state.notServing = 'draining';
    expect(await get('/readyz')).toEqual({ status: 503, text: 'not ready: draining' });
    expect((await get('/healthz')).status).toBe(200);
  });

  it('writes one line an outage and one when it is over', async () => {
    const health = makeHealth();
    let probes = 0;
    let up = false;
    health.check(
      's3',
      async () => {
        probes += 1;
        if (!up) throw new Error('away');
      },
      { everyMs: 1 },
    );
    health.start();
    await until(() => probes > 5);
    up = true;
    await until(() => health.ready().status === 'ok');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      's3 is away',
      's3 is back',
    ]);
  });

  it('names port and setting when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await until(() => other.listening);
    const port = (other.address() as { port: number }).port;
    await expect(
      startHealthServer({
        health: makeHealth(),
        host: '127.0.0.1',
        port,
        portSetting: 'HEALTH_PORT',
        metrics: async () => ({ contentType: '', body: '' }),
      }),
    ).rejects.toThrow(
      `Port ${port} of 127.0.0.1 is in use, so the health server cannot listen there: end what uses it, or set HEALTH_PORT to another port`,
    );
    other.close();
  });
});

describe('Liveness', () => {
  it('fails when the loop was stuck, and forgets it after a while', () => {
    let now = 0;
    const liveness = new Liveness({ now: () => now, stallLimitMs: 5_000, stallMemoryMs: 10_000 });
    now = 500;
    liveness.beat();
    expect(liveness.problems()).toEqual([]);
    now = 7_500;
    liveness.beat();
    expect(liveness.problems()).toEqual(['the event loop was stuck for 7.0 s']);
    now = 18_000;
    expect(liveness.problems()).toEqual([]);
  });

  it('sees a really stuck event loop', () => {
    using liveness = new Liveness({ stallLimitMs: 30 });
    liveness.start();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
    expect(liveness.problems()).toHaveLength(1);
  });

  it('fails when a watched loop falls silent, until it ticks or ends', () => {
    let now = 0;
    const liveness = new Liveness({ now: () => now });
    const planner = liveness.watch('planner', { maxSilenceMs: 60_000 });
    now = 61_000;
    expect(liveness.problems()).toEqual(['planner: silent for 61.0 s, at most 60.0 s are allowed']);
    planner.tick();
    expect(liveness.problems()).toEqual([]);
    now = 200_000;
    planner.stop();
    expect(liveness.problems()).toEqual([]);
  });
});
