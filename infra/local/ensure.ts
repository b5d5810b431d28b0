import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SERVERS } from './catalogue.ts';
import { startInContainer } from './containers.ts';
import { DirectoryInUse, ServerUnobtainable } from './errors.ts';
import { startMongo } from './mongo.ts';
import { startNats } from './nats.ts';
import { explainFailure, obtainProgram } from './obtain.ts';
import { freePorts, usualOrFreePort } from './ports.ts';
import { startRedis } from './redis.ts';
import { startS3 } from './s3.ts';
import {
  SERVER_KINDS,
  type Environment,
  type Progress,
  type RunningServer,
  type ServerKind,
  type StartOptions,
} from './types.ts';
import { messageOf } from '../message-of.ts';

export type EnsureOptions = {
  /** Data, logs and pid files of what is started, one directory per server. */
  dir: string;
  /** Which servers are configured already; usually `process.env`. */
  environment: Environment;
  progress: Progress;
  /** `usual` (default): 27017, 4222, 6379, 9000 where they are free. `free`: never those, as tests want it. */
  ports?: 'usual' | 'free';
  /** Called when a server ends that nobody stopped. */
  onExit?: (kind: ServerKind, how: string) => void;
};

export type EnsuredServers = {
  /** Settings to add to the environment: none for what was configured. */
  env: Readonly<Record<string, string>>;
  /** What was started, and nothing else. */
  servers: Readonly<Partial<Record<ServerKind, RunningServer>>>;
  stop: () => Promise<void>;
};

const START: Readonly<Record<ServerKind, (options: StartOptions) => Promise<RunningServer>>> = {
  mongo: startMongo,
  nats: startNats,
  redis: startRedis,
  s3: startS3,
};

/** The setting that says where this server is already, if one does. */
export function configuredBy(kind: ServerKind, environment: Environment): string | undefined {
  return SERVERS[kind].settings
    .flatMap((name) => [name, `${name}_FILE`])
    .find((name) => (environment[name] ?? '') !== '');
}

/**
 * Brings up all servers that are not configured, side by side. If one cannot be had, those that came up are
 * stopped again and the error names all that failed.
 */
export async function ensureServers(options: EnsureOptions): Promise<EnsuredServers> {
  mkdirSync(options.dir, { recursive: true });
  const outcomes = await Promise.allSettled(SERVER_KINDS.map((kind) => ensureServer(kind, options)));
  const servers: Partial<Record<ServerKind, RunningServer>> = {};
  for (const outcome of outcomes)
    if (outcome.status === 'fulfilled' && outcome.value !== undefined)
      servers[outcome.value.kind] = outcome.value;
  const stop = async (): Promise<void> => {
    await Promise.all(Object.values(servers).map((server) => server.stop()));
  };
  const failures = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
  );
  if (failures.length > 0) {
    await stop();
    const inUse = failures.find((failure) => failure instanceof DirectoryInUse);
    if (inUse !== undefined) throw new DirectoryInUse(options.dir, inUse.ownerPid);
    if (failures.length === 1) throw failures[0];
    throw new AggregateError(failures, failures.map(messageOf).join('\n\n'));
  }
  return {
    env: Object.assign({}, ...Object.values(servers).map((server) => server.env)) as Record<string, string>,
    servers,
    stop,
  };
}

async function ensureServer(kind: ServerKind, options: EnsureOptions): Promise<RunningServer | undefined> {
  const { environment, progress } = options;
  const { title, usualPort } = SERVERS[kind];
  const setting = configuredBy(kind, environment);
  if (setting !== undefined) {
    progress({ what: title, detail: `configured by ${setting}` });
    return undefined;
  }
  const begun = Date.now();
  const obtained = await obtainProgram(kind, environment);
  const ms = Date.now() - begun;
  if (!('failed' in obtained))
    progress({ what: title, detail: `${obtained.way}, version ${obtained.version}`, ms });
  const [free = 0] = options.ports === 'free' ? await freePorts(1) : [await usualOrFreePort(usualPort)];
  const start: StartOptions & { port: number } = {
    dir: join(options.dir, kind),
    port: free,
    log: (line) => progress({ what: title, detail: line }),
    onExit: (how) => options.onExit?.(kind, how),
  };
  const starting = Date.now();
  const server =
    'failed' in obtained ? await inContainer() : await START[kind]({ ...start, binary: obtained.path });
  progress({ what: title, detail: `ready on port ${server.port}`, ms: Date.now() - starting });
  return server;

  async function inContainer(): Promise<RunningServer> {
    const failed = 'failed' in obtained ? obtained.failed : [];
    try {
      return await startInContainer(kind, start, environment);
    } catch (error) {
      throw new ServerUnobtainable(
        explainFailure(kind, [...failed, { way: 'container', reason: messageOf(error), cure: undefined }]),
        { cause: error },
      );
    }
  }
}
