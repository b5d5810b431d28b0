import {
  JetStreamApiCodes,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamClient,
  type JetStreamManager,
} from '@nats-io/jetstream';
import { nanos, RequestError } from '@nats-io/transport-node';

export const EVENTS_STREAM = 'THE0_EVENTS';

/** The platform's stream as its API creates it (contract §2.1): any other configuration would be in its way. */
export const EVENTS_STREAM_CONFIG = {
  name: EVENTS_STREAM,
  subjects: [
    'the0.bot.created',
    'the0.bot.updated',
    'the0.bot.deleted',
    'the0.bot-schedule.created',
    'the0.bot-schedule.updated',
    'the0.bot-schedule.deleted',
  ],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  max_age: nanos(7 * 24 * 60 * 60 * 1000),
};

const NAME_IN_USE = 10058;
const SUBJECTS_OVERLAP = 10065;

/** Another stream holds some of the platform's subjects; the platform's API could not start beside it either. */
export class StreamOverlap extends Error {
  override readonly name = 'StreamOverlap';
  readonly code = 'stream_overlap';
  readonly retryable = false;
  constructor(others: readonly string[], options?: ErrorOptions) {
    super(
      `${EVENTS_STREAM} cannot be created: its subjects overlap the stream ${others.join(', ') || '(unknown)'}. Delete that stream or narrow its subjects`,
      options,
    );
  }
}

/** No stream took the event. */
export class EventNotStored extends Error {
  override readonly name = 'EventNotStored';
  readonly code = 'event_not_stored';
  readonly retryable = true;
  constructor(subject: string, reason: string, options?: ErrorOptions) {
    super(`The event ${subject} was not stored: ${reason}`, options);
  }
}

/**
 * Creates the platform's stream where it is absent; never touches one that exists. For `up` and `deploy` only:
 * services wait for the stream instead.
 * @throws StreamOverlap
 */
export async function ensureEventsStream(jsm: JetStreamManager): Promise<'created' | 'exists'> {
  try {
    await jsm.streams.info(EVENTS_STREAM);
    return 'exists';
  } catch (error) {
    if (!isStreamMissing(error)) throw error;
  }
  try {
    await jsm.streams.add(EVENTS_STREAM_CONFIG);
    return 'created';
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    // Somebody was faster, the platform's API most likely.
    if (error.code === NAME_IN_USE) return 'exists';
    if (error.code === SUBJECTS_OVERLAP) throw new StreamOverlap(await overlapping(jsm), { cause: error });
    throw error;
  }
}

function isStreamMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}

async function overlapping(jsm: JetStreamManager): Promise<string[]> {
  const names = new Set<string>();
  for (const subject of EVENTS_STREAM_CONFIG.subjects) {
    for await (const name of jsm.streams.names(subject)) names.add(name);
  }
  return [...names].sort();
}

/**
 * Publishes as the platform does; resolves once JetStream has stored the event.
 * @throws EventNotStored
 */
export async function publishEvent(
  js: JetStreamClient,
  subject: string,
  payload: object,
): Promise<{ sequence: number }> {
  try {
    const ack = await js.publish(subject, JSON.stringify(payload), { timeout: 5000 });
    return { sequence: ack.seq };
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const unheard = cause instanceof RequestError && cause.isNoResponders();
    const reason = unheard
      ? `no stream takes it (is ${EVENTS_STREAM} there?)`
      : error instanceof Error
        ? error.message
        : String(error);
    throw new EventNotStored(subject, reason, { cause: error });
  }
}
