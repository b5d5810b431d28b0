import {
  AckPolicy,
  DeliverPolicy,
  jetstream,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  ReplayPolicy,
  type Consumer,
  type ConsumerInfo,
  type JetStreamManager,
} from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import { createHash } from 'node:crypto';
import { EVENTS_STREAM } from '../../infra/nats/platform-stream.ts';
import type { EventFamily } from './family.ts';

/** Unacknowledged for so long, an event is delivered again: what a producer that died had in hand. */
export const ACK_WAIT_MS = 10_000;
const MAX_ACK_PENDING = 1024;

/** A durable consumer on one life of the stream. */
export type Binding = {
  consumer: Consumer;
  durable: string;
  /** When this stream was created: events of a later one are newer, whatever their sequence. */
  streamCreatedAt: Date;
  /** Sequence of the last event below which all are settled. */
  settledUpTo: number;
  /** Events that the durable has still to deliver. */
  pending: number;
  /** Number of the durable's last delivery so far: the next has one more, or something was lost on its way to us. */
  delivered: number;
};

/**
 * A name of the installation, the family and this very stream. A stream that is deleted takes its consumers along;
 * with the stream in the name, no late acknowledgement and no pull request meant for the old stream can ever reach the
 * consumer of the new one, where the same numbers mean other events.
 */
export function durableName(installation: string, family: EventFamily, streamCreated: string): string {
  const life = createHash('sha256').update(streamCreated).digest('hex').slice(0, 8);
  return `${installation}-${family.name}-${life}`;
}

/**
 * Finds the stream and makes sure of the durable, from the stream's first event if it is new. Where a producer before
 * us left events unacknowledged, the durable starts over right after the last event below which all are settled: so
 * they come at once instead of after the acknowledgement's time-out, and in order instead of after newer ones. Events
 * that were settled above that mark come again and change nothing.
 * @throws JetStreamApiError where the stream is absent, among others
 */
export async function bind(
  connection: NatsConnection,
  installation: string,
  family: EventFamily,
): Promise<Binding> {
  const jsm = await jetstreamManager(connection, { checkAPI: false });
  const stream = await jsm.streams.info(EVENTS_STREAM);
  const durable = durableName(installation, family, stream.created);
  let info = await existing(jsm, durable);
  let startSequence: number | undefined;
  if (info !== undefined && info.num_ack_pending > 0) {
    startSequence = info.ack_floor.stream_seq + 1;
    await jsm.consumers.delete(EVENTS_STREAM, durable);
    info = undefined;
  }
  info ??= await jsm.consumers.add(EVENTS_STREAM, {
    durable_name: durable,
    description: `the0-runtime ${installation}: desired state of ${family.name}`,
    filter_subject: family.filterSubject,
    ...(startSequence === undefined
      ? { deliver_policy: DeliverPolicy.All }
      : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: startSequence }),
    replay_policy: ReplayPolicy.Instant,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ACK_WAIT_MS),
    max_deliver: -1,
    max_ack_pending: MAX_ACK_PENDING,
  });
  return {
    consumer: jetstream(connection).consumers.getConsumerFromInfo(info),
    durable,
    streamCreatedAt: new Date(stream.created),
    settledUpTo: startSequence === undefined ? info.ack_floor.stream_seq : startSequence - 1,
    pending: info.num_pending,
    delivered: info.delivered.consumer_seq,
  };
}

async function existing(jsm: JetStreamManager, durable: string): Promise<ConsumerInfo | undefined> {
  try {
    return await jsm.consumers.info(EVENTS_STREAM, durable);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.ConsumerNotFound)
      return undefined;
    throw error;
  }
}
