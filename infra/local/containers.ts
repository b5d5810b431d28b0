import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SERVERS } from './catalogue.ts';
import { lastLines, runCommand, type CommandResult } from './command.ts';
import { ServerStartFailed, WayBlocked } from './errors.ts';
import { mongoAt } from './mongo.ts';
import { natsAt } from './nats.ts';
import { pollUntilReady } from './poll.ts';
import { redisAt } from './redis.ts';
import { identities, keysIn, s3At } from './s3.ts';
import type { Environment, RunningServer, ServerKind, ServerPlan, StartOptions } from './types.ts';
import { messageOf } from '../message-of.ts';

const COMPOSE_FILE = fileURLToPath(new URL('../compose.dev.yaml', import.meta.url));
// The first start pulls an image.
const UP_TIMEOUT_MS = 600_000;
const READY_TIMEOUT_MS = 120_000;

export type Run = (
  args: readonly string[],
  environment: Environment,
  timeoutMs: number,
) => Promise<CommandResult>;

const runDocker: Run = (args, environment, timeoutMs) =>
  runCommand('docker', args, { environment, timeoutMs });

/** Arguments of `docker` for one server of the compose file; the project is named after the data directory. */
export function composeArguments(dir: string, ...rest: string[]): string[] {
  const project = `the0-dev-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`;
  return ['compose', '--project-name', project, '--file', COMPOSE_FILE, ...rest];
}

/**
 * Runs a server as a container of its usual image, through the engine that bots need anyway.
 * @throws WayBlocked when there is no `docker compose`, or it fails
 */
export async function startInContainer(
  kind: ServerKind,
  options: StartOptions & { port: number },
  environment: Environment,
  run: Run = runDocker,
): Promise<RunningServer> {
  const { dir, port } = options;
  mkdirSync(dir, { recursive: true });
  const plan = planAt(kind, port, dir);
  const variables: Environment = {
    ...environment,
    [`${kind.toUpperCase()}_PORT`]: String(port),
    S3_CONFIG: join(dir, 's3.json'),
  };
  const compose = async (...args: string[]): Promise<void> => {
    let result: CommandResult;
    try {
      result = await run(composeArguments(dir, ...args), variables, UP_TIMEOUT_MS);
    } catch (error) {
      throw new WayBlocked(
        `docker does not run: ${messageOf(error)}`,
        'apt-get install -y docker.io docker-compose-v2',
        { cause: error },
      );
    }
    if (result.code !== 0) throw composeFailure(result.output);
  };
  const ready = async (): Promise<void> => {
    try {
      await pollUntilReady(plan.check, { timeoutMs: READY_TIMEOUT_MS, everyMs: 200 });
    } catch (error) {
      throw new ServerStartFailed(
        `${SERVERS[kind].title} in a container did not start: ${messageOf(error)}`,
        { cause: error },
      );
    }
  };
  await compose('up', '--detach', kind);
  await ready();
  return {
    kind,
    url: plan.url,
    env: plan.env,
    port,
    pid: undefined,
    dataDir: join(dir, 'data'),
    stop: () => compose('stop', kind),
    kill: (signal) =>
      void compose('kill', '--signal', signal, kind).catch((error: unknown) =>
        options.log?.(messageOf(error)),
      ),
    restart: async () => {
      await compose('stop', kind);
      await compose('up', '--detach', kind);
      await ready();
    },
    [Symbol.asyncDispose]: () => compose('stop', kind),
  };
}

function planAt(kind: ServerKind, port: number, dir: string): Omit<ServerPlan, 'args'> {
  switch (kind) {
    case 'mongo':
      return mongoAt(port, true);
    case 'nats':
      return natsAt(port);
    case 'redis':
      return redisAt(port);
    case 's3': {
      const keys = keysIn(dir);
      writeFileSync(join(dir, 's3.json'), JSON.stringify(identities(keys)), { mode: 0o644 });
      return s3At(port, keys);
    }
  }
}

function composeFailure(output: string): WayBlocked {
  if (/unknown command: docker compose|'compose' is not a docker command|unknown shorthand flag/.test(output))
    return new WayBlocked('docker has no compose plugin', 'apt-get install -y docker-compose-v2');
  if (/Cannot connect to the Docker daemon|permission denied.*docker/i.test(output))
    return new WayBlocked(`the container engine does not answer: ${lastLines(output, 1)}`);
  if (/no such host|i\/o timeout|connection refused|TLS handshake|failed to resolve|404|denied/i.test(output))
    return new WayBlocked(`the image could not be pulled: ${lastLines(output, 1)}`);
  return new WayBlocked(`docker compose failed: ${lastLines(output, 3).replaceAll('\n', ' | ')}`);
}
