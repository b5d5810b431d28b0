import { Registry } from 'prom-client';
import { fakeProgram, type FakeProgram } from '../../infra/engine/fake/program.ts';
import type { ContainerKind, ContainerSpec, Engine } from '../../infra/engine/port.ts';
import { LeaseStore } from '../../infra/lease-store.ts';
import { holdLease } from '../../infra/leases.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { ensureIndexes } from '../../infra/mongo/indexes.ts';
import { connectNats, type NatsLink } from '../../infra/nats/connect.ts';
import { flushPolicyOf, type FlushPolicy } from '../../model/flush-policy.ts';
import { LABEL } from '../../model/labels.ts';
import { LiveLogs } from '../../producers/live-logs/live-logs.ts';
import { LiveLogMetrics } from '../../producers/live-logs/metrics.ts';
import type { EnqueueData } from '../../queues/data-queues.ts';
import type { TestServers } from '../support/servers.ts';
import { SMALL_LIMITS } from '../support/container-limits.ts';

export const log = createLogger({ level: 'silent', service: 'test' });

export const POLICY = flushPolicyOf({
  LOG_FLUSH_AFTER: 1_000,
  LOG_FLUSH_MAX: 20_000,
  LOG_ENGINE_MB: 30,
  LOG_DAY_MB: 1_024,
});

export type Follower = AsyncDisposable & {
  /** Jobs that were asked for. */
  asked: EnqueueData[];
  registry: Registry;
  stop(): Promise<void>;
};

export type FollowerOptions = {
  engine: Engine;
  collections: Collections;
  nats?: Pick<NatsLink, 'session' | 'connected'>;
  rateKb?: number;
  policy?: FlushPolicy;
  owner?: string;
  /** After a kill the next one waits for so long; a renewal that takes as long costs the lease, and is marked in the output. */
  ttlMs?: number;
  listEveryMs?: number;
  /** Redis takes nothing while this answers true. */
  refuse?: () => boolean;
};

/** A process's part: waits for the lease, and follows while it has it. */
export function startFollower(options: FollowerOptions): Follower {
  const stopping = new AbortController();
  const asked: EnqueueData[] = [];
  const registry = new Registry();
  const metrics = new LiveLogMetrics({ registry });
  const held = holdLease({
    store: new LeaseStore(options.collections.leases),
    name: `${options.engine.installation}:log-follower`,
    owner: options.owner ?? 'test',
    ttlMs: options.ttlMs ?? 15_000,
    renewEveryMs: 700,
    retryEveryMs: 100,
    signal: stopping.signal,
    log,
    onAcquired: (lease) =>
      new LiveLogs({
        engine: options.engine,
        sameEngine: async () => undefined,
        nats: options.nats,
        collections: options.collections,
        queues: {
          add: async (items) => {
            if (options.refuse?.() === true) throw new Error('Redis is away');
            asked.push(...items);
          },
        },
        policy: options.policy ?? POLICY,
        rateKb: options.rateKb ?? 512,
        metrics,
        log,
        listEveryMs: options.listEveryMs ?? 30_000,
      }).run(lease.signal, stopping.signal),
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    await held;
  };
  return { asked, registry, stop, [Symbol.asyncDispose]: stop };
}

export async function openStores(servers: TestServers) {
  const mongo = connectMongo(servers.mongoUri, { appName: 'test', log });
  const own = collections(mongo.client, servers.databases);
  await ensureIndexes(own);
  return { mongo, collections: own };
}

export const openNats = (url: string): NatsLink => connectNats({ url, name: 'test', log });

/** A container of a bot (or of another kind) on an engine, created and started. */
export async function runBot(
  engine: Engine,
  botId: string,
  options: {
    program?: FakeProgram;
    command?: string[];
    kind?: ContainerKind;
    image?: string;
    name?: string;
    start?: boolean;
  } = {},
): Promise<string> {
  const spec: ContainerSpec = {
    name: options.name ?? `${engine.installation}_${botId}`,
    kind: options.kind ?? 'bot',
    image: options.image ?? (await engine.resolveImage('test:1')) ?? '',
    command: options.command ?? fakeProgram(options.program ?? {}),
    workingDir: '/tmp',
    env: {},
    labels: { [LABEL.id]: botId },
    limits: SMALL_LIMITS,
    volumes: [],
    tmpfs: [{ path: '/tmp', sizeMb: 4, exec: false, mode: 0o1777 }],
    network: 'none',
  };
  const id = await engine.create(spec);
  if (options.start !== false) await engine.start(id);
  return id;
}
