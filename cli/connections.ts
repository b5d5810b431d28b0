import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { MongoClient } from 'mongodb';
import { collections, databaseNames, type Collections } from '../infra/mongo/collections.ts';
import { connectionOptions } from '../infra/nats/connect.ts';
import { CliError, deniedLogin, isUnreachable, Unreachable } from './errors.ts';
import type { Target } from './target.ts';
import { messageOf } from '../infra/message-of.ts';

/** A person waits: what does not answer by then is away. */
const PATIENCE_MS = 3_000;

/** Runs `work` with the installation's collections and closes the connection, whatever happens. */
export async function withMongo<T>(
  target: Target,
  work: (collections: Collections, client: MongoClient) => Promise<T>,
): Promise<T> {
  const { settings } = target;
  const client = openMongo(settings.MONGO_URI);
  try {
    // Of several questions asked at once of a server that is away, all but one would hear only that we hung up.
    await client.connect();
    return await work(collections(client, databaseNames(settings)), client);
  } catch (error) {
    throw explain('MongoDB', 'MONGO_URI', target, error);
  } finally {
    await client.close();
  }
}

/** Runs `work` with JetStream and closes the connection, whatever happens. */
export async function withJetStream<T>(
  target: Target,
  work: (js: JetStreamClient, jsm: JetStreamManager, maxPayload: number) => Promise<T>,
): Promise<T> {
  const url = target.settings.NATS_URL ?? 'nats://localhost:4222';
  const connection = await connect({
    ...connectionOptions(url, 'the0-runtime cli'),
    timeout: PATIENCE_MS,
    reconnect: false,
  }).catch((error: unknown) => {
    throw explain('NATS', 'NATS_URL', target, error);
  });
  try {
    const jsm = await jetstreamManager(connection, { timeout: PATIENCE_MS });
    return await work(jetstream(connection), jsm, connection.info?.max_payload ?? 1_048_576);
  } catch (error) {
    throw explain('NATS', 'NATS_URL', target, error);
  } finally {
    await connection.close();
  }
}

function openMongo(uri: string): MongoClient {
  try {
    return new MongoClient(uri, {
      appName: 'the0-runtime cli',
      serverSelectionTimeoutMS: PATIENCE_MS,
      connectTimeoutMS: PATIENCE_MS,
      // What a person was told is done shall not be rolled back by a fail-over.
      writeConcern: { w: 'majority', wtimeoutMS: 10_000 },
    });
  } catch (error) {
    throw new CliError(
      `MONGO_URI cannot be used: ${(error as Error).message}. Expected mongodb://[user:password@]host:port[,…]/[?options]`,
      2,
      { cause: error },
    );
  }
}

function explain(what: string, setting: string, target: Target, error: unknown): unknown {
  if (isUnreachable(error))
    return new Unreachable(what, `${setting}, ${target.origin}`, messageOf(error), { cause: error });
  return deniedLogin(error) ?? error;
}
