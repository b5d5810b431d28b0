import { createRouterTransport, type Transport } from '@connectrpc/connect';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { createLogger, type Logger } from '../../infra/logger.ts';
import { connectionOptions } from '../../infra/nats/connect.ts';
import { messageOf } from '../../infra/message-of.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { apiInterceptors } from '../../producers/control/api/interceptors.ts';
import { registerServices } from '../../producers/control/api/services.ts';
import { Unavailable, type Dependency } from '../../producers/control/errors.ts';
import type { ApiConnections, ApiQueues } from '../api/connections.ts';
import { apiServices } from '../api/services.ts';
import { withMongo } from '../connections.ts';
import { CliError, deniedLogin, EXIT } from '../errors.ts';
import { mongoClock } from '../mongo-clock.ts';
import type { Target } from '../target.ts';
import { whoAmI } from '../who.ts';

/** A person waits: what does not answer by then is away. */
const PATIENCE_MS = 3_000;

/**
 * Runs `work` with the control API as this process answers it itself, over connections of its own, in the name of who sits
 * here: whoever can reach the servers may do everything. Closes all, whatever happens.
 */
export async function withinProcess<T>(
  target: Target,
  work: (transport: Transport) => Promise<T>,
): Promise<T> {
  const { settings } = target;
  return withMongo(target, async (collections, mongo) => {
    const now = await mongoClock(mongo, PATIENCE_MS);
    const newId = (): string => crypto.randomUUID();
    const log = logOf(target);
    await using ends = new Ends(target);
    using s3 = new S3Client({
      ...s3Options(settings),
      clockOffsetMs: () => now().getTime() - Date.now(),
    });
    const services = apiServices({
      settings,
      log,
      mongo,
      collections,
      s3,
      queues: () => ends.queues(),
      nats: () => ends.nats(),
      now,
      newId,
    });
    const interceptors = apiInterceptors({
      authenticate: async () => ({ name: whoAmI(), role: 'admin' }),
      collections,
      log,
      now,
      newId,
    });
    try {
      return await work(
        createRouterTransport((router) => registerServices(router, services), { router: { interceptors } }),
      );
    } catch (error) {
      throw error instanceof CliError && error.exitCode === EXIT.unreachable
        ? (ends.refusal ?? error)
        : error;
    }
  });
}

/** What nobody expected is told here, since there is no other log; the rest is told by the command. */
const logOf = ({ settings }: Target): Logger =>
  createLogger({
    level: /^(debug|trace)$/.test(settings.LOG_LEVEL) ? settings.LOG_LEVEL : 'error',
    service: 'cli',
    destination: { write: (line) => void process.stderr.write(line) },
  });

/** Redis and NATS are opened at their first use, since most commands need neither. */
class Ends implements AsyncDisposable {
  readonly #target: Target;
  readonly #closing: (() => Promise<void>)[] = [];
  #queues: Promise<ApiQueues> | undefined;
  #nats: Promise<NatsConnection> | undefined;
  /** Of a server that is there and lets nobody in by this login: to the API it is away. */
  refusal: CliError | undefined;

  constructor(target: Target) {
    this.#target = target;
  }

  queues(): Promise<ApiQueues> {
    return (this.#queues ??= this.#openQueues());
  }

  nats(): Promise<NatsConnection> {
    return (this.#nats ??= this.#openNats());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#closing.map((close) => close()));
  }

  async #openQueues(): Promise<ApiQueues> {
    // Loaded only now: most commands need no queues, and BullMQ is large.
    const [{ openRedis }, { BotQueues }, { ScheduleQueues }, { DataQueues }] = await Promise.all([
      import('../redis.ts'),
      import('../../queues/queues.ts'),
      import('../../queues/schedule-queues.ts'),
      import('../../queues/data-queues.ts'),
    ]);
    const redis = await openRedis(this.#target).catch((error: unknown) => this.#away('redis', error));
    const options = {
      connection: redis,
      installation: this.#target.settings.INSTALLATION,
      onError: () => undefined,
    };
    const bots = new BotQueues(options);
    const schedules = new ScheduleQueues(options);
    const data = new DataQueues(options);
    this.#closing.push(async () => {
      await Promise.all([bots.close(), schedules.close(), data.close()]);
      redis.disconnect();
    });
    return { redis, bots, schedules, data };
  }

  async #openNats(): ReturnType<ApiConnections['nats']> {
    const { settings, origin } = this.#target;
    const { NATS_URL: url } = settings;
    if (url === undefined)
      throw new Unavailable('nats', `There is no NATS (${origin})`, 'set NATS_URL, and ask again');
    const connection = await connect({
      ...connectionOptions(url, 'the0-runtime cli'),
      timeout: PATIENCE_MS,
    }).catch((error: unknown) =>
      this.#away(
        'nats',
        deniedLogin(error) ?? new Error(`NATS cannot be reached (NATS_URL, ${origin}): ${messageOf(error)}`),
      ),
    );
    this.#closing.push(() => connection.close());
    return connection;
  }

  #away(dependency: Dependency, error: unknown): never {
    if (error instanceof CliError && error.exitCode !== EXIT.unreachable) this.refusal = error;
    throw new Unavailable(
      dependency,
      messageOf(error),
      'ask again once it is back; "the0-runtime doctor" says what is wrong with it',
      { cause: error },
    );
  }
}
