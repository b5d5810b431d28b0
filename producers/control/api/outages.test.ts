import { expect, it } from 'vitest';
import { MongoNetworkError, MongoServerError, MongoServerSelectionError } from 'mongodb';
import { errors as nats } from '@nats-io/transport-node';
import { S3Unavailable } from '../../../infra/s3/errors.ts';
import { dependencyAway } from './outages.ts';

const system = (code: string) => Object.assign(new Error(`connect ${code} 127.0.0.1:6379`), { code });
const named = (name: string, message: string) => Object.assign(new Error(message), { name });

it.each([
  ['mongodb', new MongoServerSelectionError('no primary', {} as never)],
  ['mongodb', new MongoNetworkError('connection closed')],
  ['mongodb', new MongoServerError({ message: 'not primary', code: 10107 })],
  ['mongodb', new MongoServerError({ message: 'Authentication failed.', code: 18 })],
  ['mongodb', new Error('while listing', { cause: new MongoNetworkError('connection closed') })],
  ['redis', new Error("Stream isn't writeable and enableOfflineQueue options is false")],
  ['redis', new Error('Connection is closed.')],
  ['redis', system('ECONNREFUSED')],
  ['redis', named('ReplyError', 'LOADING Redis is loading the dataset in memory')],
  ['redis', named('ReplyError', 'WRONGPASS invalid username-password pair')],
  ['nats', new nats.ClosedConnectionError()],
  ['nats', new nats.NoRespondersError('subject')],
  ['s3', new S3Unavailable('no answer')],
])('%s is away: %s', (dependency, error) => {
  expect(dependencyAway(error)).toBe(dependency);
});

it.each([
  new Error('cannot read properties of undefined'),
  new MongoServerError({ message: 'duplicate key', code: 11000 }),
  named('ReplyError', 'ERR wrong number of arguments'),
  'a text',
])('a fault of ours is no outage: %s', (error) => {
  expect(dependencyAway(error)).toBeUndefined();
});
