import { createHash } from 'node:crypto';
import { createConnectTransport } from '@connectrpc/connect-node';
import { MongoClient } from 'mongodb';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { startMongo } from '../../infra/local/mongo.ts';
import { startRedis } from '../../infra/local/redis.ts';
import type { RunningServer } from '../../infra/local/types.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { QUEUES } from '../../queues/names.ts';
import { botDocument, newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { found, newCanary } from '../support/canary.ts';
import { scheduleDocument } from '../support/chaos-schedule-documents.ts';
import { CliProcess, runCli } from '../support/cli.ts';
import { removeAll } from '../support/engine.ts';
import { until } from '../support/poll.ts';
import { ownNats, testDirectory, testEngine, testServers } from '../support/servers.ts';
import { WebhookServer } from '../support/webhook.ts';
import { askEverything, databaseText, engineText, redisText, secretSettings } from './canary-world.ts';

/**
 * A canary in every secret setting and wherever people put secrets, everything started as an operator would, and then a look
 * into every place that others read. What is meant to be seen is looked for as well: a search that finds nothing at all proves nothing.
 */
const servers = testServers();
const { installation } = servers;
const secrets = secretSettings();
const secret = (name: string): string => secrets.get(name) ?? '';
/** Of people: in configurations, and pasted where they do not belong. */
const PEOPLE = [
  'bot config',
  'schedule config',
  'run override',
  'misplaced limit',
  'misplaced cron',
  'poison event',
] as const;
for (const name of PEOPLE) secrets.set(name, newCanary(name));
/** Its owner gave the bot this name: it is shown. */
const SHOWN = newCanary('shown');
const [botId, brokenId, limitId, scheduleId, invalidId] = Array.from({ length: 5 }, newBotId) as [
  string,
  string,
  string,
  string,
  string,
];

const CODE = `import hashlib, time
def main(bot_id, config):
    print("it has", hashlib.sha256(config["api_key"].encode()).hexdigest(), flush=True)
    time.sleep(600)
`;

let own: { mongo: RunningServer; redis: RunningServer; nats: RunningServer };
let hook: WebhookServer;
let engine: Engine;
let environment: Record<string, string>;
const processes: CliProcess[] = [];
/** Sees every command that a Redis gets, and so also what is not there any more in the end. */
let monitor: Redis | undefined;
let written = '';

const at = (url: string, user: string, password: string): string =>
  url.replace('://', `://${user}:${password}@`);

/** What a setting that is a secret is set to, where that is not the canary alone. */
function valuesOf(): Record<string, string> {
  return {
    MONGO_URI: at(own.mongo.url, 'runtime', secret('MONGO_URI')),
    REDIS_URL: at(own.redis.url, '', secret('REDIS_URL')),
    NATS_URL: at(own.nats.url, 'runtime', secret('NATS_URL')),
    NOTIFY_URLS: `${hook.url}/${secret('NOTIFY_URLS')}`,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${secret('OTEL_EXPORTER_OTLP_HEADERS')}`,
    S3_ACCESS_KEY: secret('S3_ACCESS_KEY'),
    S3_SECRET_KEY: secret('S3_SECRET_KEY'),
  };
}

beforeAll(async () => {
  const password = secret('MONGO_URI');
  // These are the server's own.
  secrets.set('S3_ACCESS_KEY', servers.s3.accessKey).set('S3_SECRET_KEY', servers.s3.secretKey);
  const [mongo, redis, nats, webhook] = await Promise.all([
    startMongo({ dir: testDirectory(), replicaSet: false, args: ['--auth'] }),
    startRedis({ dir: testDirectory() }),
    ownNats({ args: ['--user', 'runtime', '--pass', secret('NATS_URL')] }),
    WebhookServer.start(),
  ]);
  own = { mongo, redis, nats };
  hook = webhook;
  const client = new MongoClient(mongo.url);
  await client.db('admin').command({ createUser: 'runtime', pwd: password, roles: ['root'] });
  await client.close();
  const admin = new Redis(redis.url);
  await admin.config('SET', 'requirepass', secret('REDIS_URL'));
  admin.disconnect();
  const dockerHost = testEngine();
  engine = createDockerEngine({
    installation,
    log: createLogger({ level: 'silent', service: 'test' }),
    dockerHost,
  });
  environment = {
    ...servers.environment,
    ...Object.fromEntries(secrets),
    ...valuesOf(),
    // They belong to one of the secrets, and make it used.
    IMAGE_REGISTRY_SERVER: 'registry.invalid',
    IMAGE_REGISTRY_USERNAME: 'somebody',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    LOG_LEVEL: 'trace',
    EGRESS_FILTER: 'off',
    ALLOW_UNFILTERED_EGRESS: '1',
    NOTIFY_CRASHES: '2',
    ...Object.fromEntries(
      [
        'HEALTH',
        'SCHEDULER_HEALTH',
        'GC_HEALTH',
        'QUERY_HEALTH',
        'CONTROL_HEALTH',
        'CONTROL',
        'GRPC',
        'QUERY_SERVER',
      ].map((name) => [`${name}_PORT`, '0']),
    ),
  };
}, 60_000);

afterAll(async () => {
  monitor?.disconnect();
  await Promise.all(processes.map((process) => process[Symbol.asyncDispose]()));
  await removeAll(engine);
  await engine[Symbol.asyncDispose]();
  await hook[Symbol.asyncDispose]();
  await Promise.all([own.mongo, own.redis, own.nats].map((server) => server.stop()));
}, 60_000);

const command = (...args: string[]) => {
  const process = new CliProcess(args, environment);
  processes.push(process);
  return process;
};

async function addDocuments(uri: string): Promise<ReturnType<typeof collections>> {
  const client = await MongoClient.connect(uri);
  const all = collections(client, servers.databases);
  const filePath = await uploadCode(servers, { 'main.py': CODE });
  const nothing = await uploadCode(servers, { 'other.py': '' });
  const config = { name: SHOWN, api_key: secret('bot config'), nested: { key: secret('bot config') } };
  await all.bots.insertMany([
    botDocument(botId, { filePath, config }),
    botDocument(brokenId, { filePath: nothing, config }),
    botDocument(limitId, { filePath, config: { ...config, memory_limit: secret('misplaced limit') } }),
  ]);
  await all.schedules.insertMany([
    scheduleDocument({
      id: scheduleId,
      filePath,
      cron: '0 0 1 1 *',
      config: { api_key: secret('schedule config') },
    }),
    scheduleDocument({ id: invalidId, filePath, cron: secret('misplaced cron') }),
  ]);
  await all.poison.insertOne({
    subject: 'the0.bot.created',
    reason: 'not understood',
    payload: JSON.stringify({ api_key: secret('poison event') }),
    payloadBytes: 100,
    at: new Date(),
  } as never);
  return all;
}

/** All pages and what stands behind them. */
async function pagesText(url: string, token: string): Promise<string> {
  const form = new URLSearchParams({ token, next: '/' }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html', origin: url };
  const login = await fetch(`${url}/login`, { method: 'POST', redirect: 'manual', headers, body: form });
  const [cookie = ''] = (login.headers.get('set-cookie') ?? '').split(';');
  expect(cookie).not.toBe('');
  const states = ['latest', 'completed', 'failed', 'active', 'delayed', 'waiting'];
  const paths = [
    ...[
      '/',
      '/login',
      '/session',
      '/bots',
      `/bots/${botId}`,
      '/schedules',
      '/runs',
      '/queues/',
      '/nowhere',
      '/openapi.json',
    ],
    ...QUEUES.flatMap((queue) =>
      states.map((state) => `/queues/api/queues?activeQueue=${queue}&status=${state}&page=1&jobsPerPage=50`),
    ),
  ];
  const texts: string[] = [];
  for (const path of paths) texts.push(await (await fetch(`${url}${path}`, { headers: { cookie } })).text());
  return texts.join('\n');
}

it('a canary in every secret is found nowhere that others read', async () => {
  const asking = new Redis(environment['REDIS_URL'] ?? '');
  monitor = await asking.monitor();
  asking.disconnect();
  monitor.on('monitor', (_time: string, args: string[]) => (written += `${args.join(' ')}\n`));
  const runner = command('bot-runner');
  const scheduler = command('bot-scheduler');
  const controller = command('controller');
  const queryServer = command('query-server');
  const gc = command('gc', '--interval', '5s');
  const roles = { runner, scheduler, controller, 'query server': queryServer, gc };
  const made = await runCli(['tokens', 'create', 'ann', '--role', 'admin'], environment);
  const token = made.stdout.trim();
  secrets.set('token of the command line', token);
  const all = await addDocuments(environment['MONGO_URI'] ?? '');
  const [, url = ''] = await controller.says(/"url":"(http:[^"]+)"/, 60_000);
  const call = async (method: string, body: unknown) => {
    const response = await fetch(`${url}/the0.runtime.v1.${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const change = (key: string) => ({ reason: 'the test wants it', idempotencyKey: key });
  const another = await call('InstallationService/CreateToken', {
    name: 'another',
    role: 'ROLE_VIEWER',
    change: change('token-1'),
  });
  expect(another.status, JSON.stringify(another.body)).toBe(200);
  secrets.set('token of the API', String(another.body['text'] ?? another.body['token']));
  await until(async () => (await all.scheduleStatus.findOne({ _id: scheduleId }))?.phase === 'active', {
    timeoutMs: 60_000,
  });
  const asked = await call('RunService/RunNow', {
    schedule: scheduleId,
    configOverride: { api_key: secret('run override') },
    change: change('run-1'),
  });
  expect(asked.status, JSON.stringify(asked.body)).toBe(200);

  await statusOf(all.status, botId, ({ phase }) => phase === 'running', 90_000);
  await statusOf(all.status, brokenId, ({ phase }) => phase === 'failed', 90_000);
  await statusOf(all.status, limitId, ({ phase }) => phase === 'failed', 90_000);
  const run = await until(() => all.runs.findOne({ scheduleId, state: 'running' }), { timeoutMs: 90_000 });
  await until(() => hook.payloads.some(({ subject }) => subject.id === brokenId), { timeoutMs: 30_000 });

  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: '1.1',
    interceptors: [
      (next) => (request) => {
        request.header.set('authorization', `Bearer ${token}`);
        return next(request);
      },
    ],
  });
  const has = (name: string): string => createHash('sha256').update(secret(name)).digest('hex');
  const logs = await until(
    async () => {
      const told = await Promise.all([botId, scheduleId].map((id) => runCli(['logs', id], environment)));
      const text = told.map(({ stdout, stderr }) => stdout + stderr).join('\n');
      return text.includes(has('bot config')) && text.includes(has('run override')) ? text : undefined;
    },
    { timeoutMs: 60_000, everyMs: 500, what: 'that the bots have their configurations' },
  );
  const ids = [botId, brokenId, limitId, scheduleId, invalidId, run._id];
  const answers = await askEverything(transport, ids, QUEUES);
  // Every method has answered at least one question, but those of what there is none of here: this MongoDB, which has a login of
  // its own, is a standalone server and streams no changes; what a stream would tell of is what ListBots and ListRuns answer.
  const answersNone =
    /^(QueryService\/Query|BotService\/GetRollout|StateService\/GetStateValue|EventService\/StreamEvents):/;
  expect(answers.silent.filter((each) => !answersNone.test(each))).toEqual([]);

  const health = await Promise.all(
    Object.values(roles).map(async (process) => {
      const [, address = ''] = await process.says(/"health":"(http:[^"]+)"/);
      const texts = ['metrics', 'readyz', 'healthz'].map(async (path) =>
        (await fetch(`${address}/${path}`)).text(),
      );
      return (await Promise.all(texts)).join('\n');
    }),
  );
  // Each server refuses this one; so do the settings themselves.
  const wrong = (name: string): string => {
    secrets.set(`wrong ${name}`, newCanary(`wrong ${name}`));
    return secret(`wrong ${name}`);
  };
  const failures = await Promise.all([
    runCli(['doctor', '--json'], {
      ...environment,
      MONGO_URI: at(own.mongo.url, 'runtime', wrong('MONGO_URI')),
      REDIS_URL: at(own.redis.url, '', wrong('REDIS_URL')),
      NATS_URL: at(own.nats.url, 'runtime', wrong('NATS_URL')),
      S3_SECRET_KEY: wrong('S3_SECRET_KEY'),
    }),
    runCli(['doctor', '--json'], environment),
    runCli(['settings'], environment),
    runCli(['bots'], { ...environment, MONGO_URI: `mongodb:/${wrong('malformed MONGO_URI')}@` }),
    runCli(['bots'], { ...environment, NOTIFY_URLS: `ftp://${wrong('malformed NOTIFY_URLS')}/` }),
  ]);
  const places = new Map([
    ...Object.entries(roles).map(
      ([name, { stdout, stderr }]) => [`log of ${name}`, stdout + stderr] as const,
    ),
    ['Redis', `${await redisText(environment['REDIS_URL'] ?? '')}\n${written}`],
    ['engine', await engineText(testEngine(), installation)],
    ['API', answers.text],
    ['logs of bots', logs],
    ['pages', await pagesText(url, token)],
    ['metrics and health', health.join('\n')],
    [
      'records',
      await databaseText(environment['MONGO_URI'] ?? '', servers.databases.runtime, ['poison_events']),
    ],
    ['notifications', hook.received.map(({ headers, body }) => JSON.stringify(headers) + body).join('\n')],
    ['failures', failures.map(({ stdout, stderr }) => stdout + stderr).join('\n')],
  ]);
  expect(found(places, secrets)).toEqual([]);

  // The same search, for what is meant to be there.
  const shown = (secretsOf: [string, string][], where: string[]) =>
    expect(found(new Map([...places].filter(([name]) => where.includes(name))), new Map(secretsOf))).toEqual(
      where.flatMap((place) => secretsOf.map(([name]) => `${place}: ${name}`)),
    );
  shown([['bot', botId]], ['log of runner', 'Redis', 'engine', 'API', 'records']);
  shown([['name', SHOWN]], ['API', 'notifications']);
  shown([['schedule', scheduleId]], ['log of scheduler', 'Redis', 'engine', 'API', 'records']);
  shown([['queue', 'schedule-tick']], ['pages', 'metrics and health']);
  shown([['setting', 'MONGO_URI']], ['failures']);
}, 240_000);
