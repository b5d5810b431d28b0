import type { Engine } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { isEnabled } from '../../model/bots.ts';
import { fingerprint } from '../../model/fingerprint.ts';
import { LABEL } from '../../model/labels.ts';
import { openServices } from '../../cli/roles/services.ts';
import { startPlanning } from '../../cli/roles/planning.ts';
import type { QueueName } from '../../queues/names.ts';
import { endProcess, spawnNode } from '../bench/harness/node-process.ts';
import type { NodeProcess } from '../bench/harness/types.ts';
import { uploadCode } from './bots.ts';
import { until } from './poll.ts';
import { roleContext } from './runner.ts';
import type { TestServers } from './servers.ts';

/** A role in a process of its own. */
export type Child = NodeProcess & {
  readonly healthUrl: string;
  readyz(): Promise<{ code: number; text: string }>;
};

export type ChildRole = 'processor' | 'bot-runner' | 'bot-scheduler';

export type World = AsyncDisposable & {
  readonly servers: TestServers;
  readonly engine: Engine;
  readonly collections: Collections;
  /** Key of a Python bot's code. */
  readonly filePath: string;
  /** Starts a role in a child and waits until it is ready. */
  spawn(role: ChildRole, environment?: Readonly<Record<string, string>>, timeoutMs?: number): Promise<Child>;
  /** Plans in this process, without processing. */
  plan(): Promise<void>;
};

export type WorldOptions = {
  servers: TestServers;
  engine: Engine;
  /** Of the fake engine's server; unset: children use the settings' Docker. */
  engineUrl?: string;
  environment?: Readonly<Record<string, string>>;
  code?: Readonly<Record<string, string>>;
  /** Script of the children; unset: `processor-child.ts`. */
  child?: string;
  /** Of processors among them; unset: all. */
  queues?: readonly QueueName[];
};

/** Quick, and no events unless a test brings NATS. */
const SETTINGS = {
  EGRESS_FILTER: 'off',
  ALLOW_UNFILTERED_EGRESS: '1',
  BACKOFF_FIRST: '200ms',
  BACKOFF_MAX: '2s',
  STOP_GRACE: '2s',
  LOG_LEVEL: 'info',
  RECONCILE_INTERVAL: '5s',
};

/** An installation with children that can be killed, and everything to judge it from outside. */
export async function openWorld(options: WorldOptions): Promise<World> {
  const { servers, engine } = options;
  const { NATS_URL: _none, ...base } = servers.environment;
  const environment: Record<string, string> = { ...base, ...SETTINGS, ...options.environment };
  const undo: (() => Promise<unknown>)[] = [];
  const log = createLogger({ level: 'silent', service: 'test' });
  const mongo = connectMongo(servers.mongoUri, { appName: 'chaos', log });
  undo.push(() => mongo.close());
  const filePath = await uploadCode(
    servers,
    options.code ?? { 'main.py': 'def main(bot_id, config):\n    pass\n' },
  );

  async function spawn(
    role: ChildRole,
    more: Readonly<Record<string, string>> = {},
    timeoutMs = 30_000,
  ): Promise<Child> {
    const child = spawnNode({
      script: options.child ?? 'test/support/processor-child.ts',
      args: [role, ...(options.queues ?? [])],
      environment: {
        ...environment,
        ...more,
        ...(options.engineUrl === undefined ? {} : { FAKE_ENGINE_URL: options.engineUrl }),
      },
    });
    undo.push(async () => {
      child.kill('SIGCONT');
      await endProcess(child, 1_000);
    });
    // Listened for from the start, both: they may come as one piece of output.
    const [first] = await Promise.all([
      child.line((line) => line.includes('"health":'), timeoutMs),
      child.line((line) => line.includes('"msg":"ready"'), 2 * timeoutMs),
    ]);
    const { health } = JSON.parse(first) as { health: string };
    const readyz = async (): Promise<{ code: number; text: string }> => {
      const answer = await fetch(`${health}/readyz`);
      return { code: answer.status, text: await answer.text() };
    };
    return { ...child, healthUrl: health, readyz };
  }

  async function plan(): Promise<void> {
    const context = roleContext({ environment: { ...environment, LOG_LEVEL: 'silent' }, engine });
    undo.push(() => context.lifecycle.stop({ kind: 'request', why: 'the test is over' }));
    const services = await openServices(context);
    await services.engineReady();
    startPlanning(context, services);
    context.lifecycle.started();
  }

  return {
    servers,
    engine,
    collections: collections(mongo.client, servers.databases),
    filePath,
    spawn,
    plan,
    async [Symbol.asyncDispose]() {
      for (const step of undo.reverse()) await step();
    },
  };
}

/** What is not as it should be, bot by bot; empty when all is well. Judged by the engine and MongoDB alone. */
export async function problemsOf(world: World): Promise<string[]> {
  const { collections: all, engine } = world;
  const [bots, holds, statuses, containers] = await Promise.all([
    all.bots.find().toArray(),
    all.holds.find().toArray(),
    all.status.find().toArray(),
    engine.list({ labels: { [LABEL.kind]: 'bot' } }),
  ]);
  const held = new Set(holds.map((hold) => hold._id));
  const statusOf = new Map(statuses.map((status) => [status._id, status]));
  const containersOf = Map.groupBy(containers, (container) => container.labels[LABEL.id] ?? '');
  const problems: string[] = [];
  for (const bot of bots) {
    const mine = containersOf.get(bot.id) ?? [];
    const status = statusOf.get(bot.id);
    const seen = `${status?.phase ?? 'no status'} (${status?.reason ?? ''}), containers ${mine.map(({ state }) => state).join(' ') || 'none'}`;
    if (isEnabled(bot) && !held.has(bot.id)) {
      const [container] = mine;
      const right =
        mine.length === 1 &&
        container?.state === 'running' &&
        container.labels[LABEL.fingerprint] === fingerprint(bot);
      if (!right || status?.phase !== 'running' || status.containerId !== container.id)
        problems.push(`${bot.id} should run: ${seen}`);
    } else if (
      mine.length > 0 ||
      (status !== undefined && status.phase !== (isEnabled(bot) ? 'held' : 'stopped'))
    ) {
      problems.push(`${bot.id} should rest: ${seen}`);
    }
    containersOf.delete(bot.id);
    statusOf.delete(bot.id);
  }
  for (const id of containersOf.keys()) problems.push(`${id} is deleted and has a container`);
  for (const id of statusOf.keys()) problems.push(`${id} is deleted and has a status`);
  return problems;
}

/** Waits until all is well; resolves with how long it took since `sinceMs` (of `performance.now()`). */
export async function untilWell(
  world: World,
  options: { timeoutMs: number; sinceMs?: number; everyMs?: number },
): Promise<number> {
  const { timeoutMs, sinceMs = performance.now(), everyMs = 50 } = options;
  await until(
    async () => {
      const problems = await problemsOf(world);
      if (problems.length > 0)
        throw new Error(
          `${problems.length} bots are not as they should be: ${problems.slice(0, 3).join('; ')}`,
        );
      return true;
    },
    { timeoutMs, everyMs, what: 'the fleet being well' },
  );
  return performance.now() - sinceMs;
}
