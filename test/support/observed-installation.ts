import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../infra/local/ports.ts';
import { createToken } from '../../producers/control/tokens/tokens.ts';
import { endProcess, spawnNode } from '../bench/harness/node-process.ts';
import { PROMETHEUS } from './alert-rules.ts';
import { ownServers, servedEngine, type OwnServers, type ServedEngine } from './chaos-servers.ts';
import { openWorld, type Child, type ChildRole, type World } from './chaos-world.ts';
import { startPrometheus, type Prometheus, type Target } from './prometheus.ts';
import { S3FaultProxy } from './s3-fault-proxy.ts';
import { testDirectory } from './servers.ts';

/** How often is scraped and evaluated, and how far back increases are looked for. A scrape has as long to answer. */
const EVERY_MS = 500;
const WINDOW = '6s';

/** The rules as they are, but for time: nothing has to last, and windows are short. `instead`: figures of seconds, too. */
function quickRules(dir: string, instead: Readonly<Record<string, string>>): string[] {
  return ['recording.rules.yml', 'alerts.rules.yml'].map((file) => {
    let text = readFileSync(join(PROMETHEUS, file), 'utf8')
      .replaceAll(/^ +for: \d+m\n/gm, '')
      .replaceAll(/\[\d+m\]/g, `[${WINDOW}]`);
    for (const [slow, quick] of Object.entries(instead)) text = text.replace(slow, quick);
    const path = join(dir, file);
    writeFileSync(path, text);
    return path;
  });
}

/** An installation of processes of its own, with servers that a test may break, watched by a real Prometheus. */
export type ObservedInstallation = AsyncDisposable & {
  own: OwnServers;
  fake: ServedEngine;
  world: World;
  s3: S3FaultProxy;
  prometheus: Prometheus;
  /** Starts a role, and watches it. */
  start(role: ChildRole, environment?: Readonly<Record<string, string>>): Promise<Child>;
  /** It is scraped from now on until `forget`. */
  watch(role: ChildRole, target: { healthUrl: string }): void;
  forget(target: { healthUrl: string }): void;
  /** Asks the controller; resolves with the HTTP status. */
  callApi(method: string, body?: object): Promise<number>;
};

export async function observedInstallation(options: {
  environment: Readonly<Record<string, string>>;
  instead: Readonly<Record<string, string>>;
}): Promise<ObservedInstallation> {
  const undo = new AsyncDisposableStack();
  const own = undo.use(await ownServers('mongo', 'redis', 'nats', 's3'));
  const fake = undo.use(await servedEngine(own.servers.installation));
  const s3 = undo.use(await S3FaultProxy.start(own.running.s3.port));
  const environment = {
    NATS_URL: own.servers.natsUrl,
    S3_ENDPOINT: s3.endpoint,
    ...options.environment,
  };
  const world = undo.use(
    await openWorld({ servers: own.servers, engine: fake.engine, engineUrl: fake.url, environment }),
  );
  const dir = testDirectory();
  mkdirSync(dir, { recursive: true });
  const prometheus = undo.use(
    await startPrometheus({ dir, ruleFiles: quickRules(dir, options.instead), everyMs: EVERY_MS }),
  );

  const targets = new Map<string, Target>();
  const scrape = (): void => prometheus.scrape([...targets.values()]);
  const watch = (role: string, { healthUrl }: { healthUrl: string }): void => {
    targets.set(healthUrl, { role, address: new URL(healthUrl).host });
    scrape();
  };
  const api = await startController(own, environment);
  undo.defer(() => endProcess(api.child));
  watch('controller', api);
  const { text: token } = await createToken(
    { tokens: world.collections.apiTokens, now: () => new Date(), randomBytes },
    { name: 'a test', role: 'viewer', createdBy: 'a test' },
  );

  return {
    own,
    fake,
    world,
    s3,
    prometheus,
    async start(role, more = {}) {
      const child = await world.spawn(role, more, 60_000);
      watch(role, child);
      return child;
    },
    watch,
    forget({ healthUrl }) {
      targets.delete(healthUrl);
      scrape();
    },
    async callApi(method, body = {}) {
      const answer = await fetch(`${api.url}/the0.runtime.v1.${method}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      });
      await answer.arrayBuffer();
      return answer.status;
    },
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
}

/** The command itself: it needs no engine. */
async function startController({ servers }: OwnServers, environment: Readonly<Record<string, string>>) {
  const [health = 0, http = 0, grpc = 0] = await freePorts(3);
  const child = spawnNode({
    script: 'cli/main.ts',
    args: ['controller'],
    environment: {
      ...servers.environment,
      ...environment,
      LOG_LEVEL: 'info',
      CONTROL_HEALTH_PORT: String(health),
      CONTROL_PORT: String(http),
      GRPC_PORT: String(grpc),
    },
  });
  await child.line((line) => line.includes('"msg":"ready"'), 60_000);
  return { child, healthUrl: `http://127.0.0.1:${health}`, url: `http://127.0.0.1:${http}` };
}
