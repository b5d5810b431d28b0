import { describe, expect, it } from 'vitest';
import { createLogger } from '../logger.ts';
import { connectMongo, MongoUriInvalid, readTopology, ReplicaSetNotInitiated } from './connect.ts';

describe('readTopology', () => {
  it('knows what each kind of server can do', () => {
    expect(readTopology({ setName: 'rs0', isWritablePrimary: true })).toEqual({
      kind: 'replicaSet',
      changeStreams: true,
      transactions: true,
    });
    expect(readTopology({ msg: 'isdbgrid' })).toEqual({
      kind: 'sharded',
      changeStreams: true,
      transactions: true,
    });
    expect(readTopology({ isWritablePrimary: true })).toEqual({
      kind: 'standalone',
      changeStreams: false,
      transactions: false,
    });
  });

  it('does not take a replica set that was never initiated for a standalone server', () => {
    expect(() => readTopology({ isreplicaset: true })).toThrow(ReplicaSetNotInitiated);
  });
});

describe('connectMongo', () => {
  it.each(['localhost:27017', 'mongodb://u:hunter2@:bad:port/', ''])(
    'refuses the address %j without repeating a password',
    (uri) => {
      const log = createLogger({ level: 'silent', service: 'test' });
      expect(() => connectMongo(uri, { appName: 'test', log })).toThrow(MongoUriInvalid);
      expect(() => connectMongo(uri, { appName: 'test', log })).not.toThrow(/hunter2/);
    },
  );
});
