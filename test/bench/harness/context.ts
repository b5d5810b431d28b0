import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDockerEngine } from '../../../infra/engine/docker/index.ts';
import { connectFakeEngine, createFakeEngine } from '../../../infra/engine/fake/index.ts';
import { ensureEngine } from '../../../infra/local/engine.ts';
import { startMongo } from '../../../infra/local/mongo.ts';
import { startNats } from '../../../infra/local/nats.ts';
import { startRedis } from '../../../infra/local/redis.ts';
import { startS3 } from '../../../infra/local/s3.ts';
import type { RunningServer, ServerKind, StartOptions } from '../../../infra/local/types.ts';
import { createLogger } from '../../../infra/logger.ts';
import { removeAll } from '../../support/engine.ts';
import { until } from '../../support/poll.ts';
import { endProcess, spawnNode } from './node-process.ts';
import type { BenchContext, BenchServers } from './types.ts';

const START: Readonly<Record<ServerKind, (options: StartOptions) => Promise<RunningServer>>> = {
  mongo: startMongo,
  nats: startNats,
  redis: startRedis,
  s3: startS3,
};
const PYTHON_IMAGE = 'python:3.11-slim';

/** Runs `work` with a context and undoes everything it made, whatever happens. */
export async function withContext<T>(name: string, work: (context: BenchContext) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'the0-bench-'));
  const interrupted = new AbortController();
  const cleanups: { what: string; cleanup: () => Promise<unknown> }[] = [];
  const say = (line: string): void => console.error(`${name}: ${line}`);
  const context = makeContext({
    dir,
    say,
    within: (inner) => withContext(name, inner),
    signal: interrupted.signal,
    atEnd: (what, cleanup) => void cleanups.push({ what, cleanup }),
  });
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const onSignal = (signal: NodeJS.Signals): void =>
    interrupted.abort(new Error(`${name} was ended by ${signal}`));
  for (const signal of signals) process.on(signal, onSignal);
  const stopped = new Promise<never>((_, reject) => {
    interrupted.signal.addEventListener('abort', () => reject(interrupted.signal.reason as Error), {
      once: true,
    });
  });
  try {
    return await Promise.race([work(context), stopped]);
  } finally {
    for (const { what, cleanup } of cleanups.reverse())
      // One cleanup that fails must not keep the others from running.
      await cleanup().catch((error: unknown) => say(`${what} could not be undone: ${String(error)}`));
    rmSync(dir, { recursive: true, force: true });
    for (const signal of signals) process.off(signal, onSignal);
  }
}

function makeContext(base: Pick<BenchContext, 'dir' | 'say' | 'signal' | 'within' | 'atEnd'>): BenchContext {
  const { dir, say, atEnd } = base;
  const node: BenchContext['node'] = (options) => {
    const child = spawnNode(options);
    atEnd(options.script, () => endProcess(child));
    return child;
  };
  return {
    ...base,
    node,
    servers: (...kinds) => startServers(kinds, base),
    fakeEngine(installation, options = {}) {
      return createFakeEngine({ installation, images: [PYTHON_IMAGE], ...options });
    },
    async remoteFakeEngine(installation) {
      const child = node({ script: 'infra/engine/fake/main.ts', args: ['0', PYTHON_IMAGE] });
      const { url } = JSON.parse(await child.line((line) => line.startsWith('{'))) as { url: string };
      const engine = connectFakeEngine({ url, installation });
      atEnd('the connection to the fake engine', async () => engine[Symbol.asyncDispose]());
      return { engine, url, pid: child.pid };
    },
    async dockerEngine(installation) {
      const { dockerHost } = await ensureEngine({
        progress: ({ what, detail }) => say(`${what}: ${detail}`),
      });
      const engine = createDockerEngine({
        installation,
        dockerHost,
        log: createLogger({ level: 'silent', service: 'bench' }),
      });
      atEnd('the engine', async () => engine[Symbol.asyncDispose]());
      // The engine lets go of a network a moment after its last container.
      atEnd(`what ${installation} left on the engine`, () =>
        until(() => removeAll(engine).then(() => true), { timeoutMs: 30_000, everyMs: 500 }),
      );
      say(`containers are labelled ${installation} in ${dir}`);
      return { engine, dockerHost };
    },
  };
}

async function startServers(
  kinds: readonly ServerKind[],
  { dir, atEnd }: Pick<BenchContext, 'dir' | 'atEnd'>,
): Promise<BenchServers> {
  const id = randomBytes(4).toString('hex');
  const started = await Promise.all(
    kinds.map(async (kind) => {
      const server = await START[kind]({ dir: join(dir, id, kind) });
      atEnd(kind, () => server.stop());
      return server;
    }),
  );
  const running: Partial<Record<ServerKind, RunningServer>> = Object.fromEntries(
    started.map((server) => [server.kind, server]),
  );
  const env: Record<string, string> = Object.assign({}, ...started.map((server) => server.env)) as Record<
    string,
    string
  >;
  const installation = `b-${id}`;
  const databases = { bots: `bots_${id}`, schedules: `schedules_${id}`, runtime: `runtime_${id}` };
  const codeBucket = `${installation}-code`;
  const [endPoint = '', port = '0'] = (env['S3_ENDPOINT'] ?? '').split(':');
  return {
    running,
    installation,
    mongoUri: env['MONGO_URI'] ?? '',
    natsUrl: env['NATS_URL'] ?? '',
    redisUrl: env['REDIS_URL'] ?? '',
    s3: {
      endPoint,
      port: Number(port),
      accessKey: env['S3_ACCESS_KEY'] ?? '',
      secretKey: env['S3_SECRET_KEY'] ?? '',
      useSSL: false,
    },
    databases,
    bucketPrefix: `${installation}-`,
    codeBucket,
    environment: {
      ...env,
      INSTALLATION: installation,
      MONGO_BOTS_DATABASE: databases.bots,
      MONGO_SCHEDULES_DATABASE: databases.schedules,
      MONGO_RUNTIME_DATABASE: databases.runtime,
      S3_CODE_BUCKET: codeBucket,
      LOG_LEVEL: 'silent',
    },
  };
}
