import {
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  type JetStreamManager,
} from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { connectionOptions, NatsUrlInvalid } from '../../infra/nats/connect.ts';
import { EVENTS_STREAM } from '../../infra/nats/platform-stream.ts';
import { loginRefusal } from '../../infra/login-refusal.ts';
import { away, bad, ok, warn, type Check } from './check.ts';
import { PATIENCE_MS, reasonOf, type Probed } from './probed.ts';
import { isOlder } from './versions.ts';

/** From which on consumers are created as the client library asks for it. */
const LEAST_VERSION = '2.9';

export type NatsFacts = {
  version: string;
  where: string;
  /** Undefined where JetStream answers; else why it does not. */
  jetStreamProblem: string | undefined;
  /** Messages that the platform's stream holds; undefined where there is no such stream. */
  events: number | undefined;
};

export async function probeNats(url: string, signal: AbortSignal): Promise<NatsFacts> {
  const connection = await connect({
    ...connectionOptions(url, 'the0-runtime doctor'),
    timeout: PATIENCE_MS - 500,
    reconnect: false,
  });
  const close = (): void => void connection.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    signal.throwIfAborted();
    const facts = { version: connection.info?.version ?? '(unknown)', where: connection.getServer() };
    try {
      const jsm = await jetstreamManager(connection, { timeout: PATIENCE_MS - 1_000 });
      return { ...facts, jetStreamProblem: undefined, events: await eventsIn(jsm) };
    } catch (error) {
      return { ...facts, jetStreamProblem: reasonOf(error), events: undefined };
    }
  } finally {
    signal.removeEventListener('abort', close);
    await connection.close();
  }
}

async function eventsIn(jsm: JetStreamManager): Promise<number | undefined> {
  try {
    return (await jsm.streams.info(EVENTS_STREAM)).state.messages;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound)
      return undefined;
    throw error;
  }
}

/** `probed` is undefined where NATS_URL is unset. */
export function natsChecks(probed: Probed<NatsFacts> | undefined): Check[] {
  const name = 'nats';
  if (probed === undefined)
    return [
      warn(
        name,
        'NATS_URL is unset: no events are consumed, MongoDB alone steers',
        'set NATS_URL if the platform’s events shall arrive',
      ),
    ];
  if ('error' in probed) {
    const { error } = probed;
    const reason = reasonOf(error);
    if (error instanceof NatsUrlInvalid) return [bad(name, reason, 'correct NATS_URL')];
    if (loginRefusal(error) !== undefined)
      return [bad(name, `it refused the login: ${reason}`, 'check user and password in NATS_URL')];
    return [away(name, `it cannot be reached: ${reason}`, 'start it, or correct NATS_URL')];
  }
  const { version, where, jetStreamProblem, events } = probed.found;
  const what = `NATS ${version} at ${where}`;
  if (isOlder(version, LEAST_VERSION))
    return [bad(name, `${what} is too old for durable consumers`, `use ${LEAST_VERSION} or later`)];
  if (jetStreamProblem !== undefined)
    return [
      bad(name, `${what} has no JetStream (${jetStreamProblem})`, 'start nats-server with --jetstream'),
    ];
  return [
    ok(name, `${what}, JetStream`),
    events === undefined
      ? warn(
          'stream',
          `${EVENTS_STREAM} is not there yet: events are consumed as soon as it is`,
          'start the platform’s API, which creates it; `up` and `deploy` do so too',
        )
      : ok('stream', `${EVENTS_STREAM}, ${events} ${events === 1 ? 'event' : 'events'} kept`),
  ];
}
