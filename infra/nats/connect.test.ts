import { describe, expect, it } from 'vitest';
import { connectionOptions, NatsUrlInvalid } from './connect.ts';

describe('connectionOptions', () => {
  it('takes several servers, with or without a scheme', () => {
    expect(connectionOptions('nats://a:1, b:2', 'x').servers).toEqual(['nats://a:1', 'nats://b:2']);
  });

  it('takes credentials out of the URL, which the client would not', () => {
    expect(connectionOptions('nats://me:p%40ss@a:4222', 'x')).toMatchObject({
      servers: ['nats://a:4222'],
      user: 'me',
      pass: 'p@ss',
    });
    expect(connectionOptions('nats://s3cret@a:4222', 'x')).toMatchObject({ token: 's3cret' });
    expect(connectionOptions('nats://a:4222', 'x')).not.toHaveProperty('token');
  });

  it.each(['', ' , ', 'nats://me:hunter2@a b:1'])('refuses %j without repeating a password', (url) => {
    expect(() => connectionOptions(url, 'x')).toThrow(NatsUrlInvalid);
    expect(() => connectionOptions(url, 'x')).not.toThrow(/hunter2/);
  });

  it('never gives up reconnecting', () => {
    expect(connectionOptions('a:1', 'x').maxReconnectAttempts).toBe(-1);
  });
});
