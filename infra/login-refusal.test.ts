import { afterEach, describe, expect, it } from 'vitest';
import { createLogger, OutageLog } from './logger.ts';
import { loginRefusal } from './login-refusal.ts';

const named = (name: string, message: string, fields: object = {}): Error =>
  Object.assign(new Error(message), { name, ...fields });
const REFUSED = named('ReplyError', 'WRONGPASS invalid username-password pair or user is disabled.');

describe('loginRefusal', () => {
  it.each([
    [named('MongoServerError', 'Authentication failed.', { code: 18 }), 'MONGO_URI'],
    [named('MongoServerError', 'Command find requires authentication', { code: 13 }), 'MONGO_URI'],
    [REFUSED, 'REDIS_URL'],
    [named('ReplyError', 'NOAUTH Authentication required.'), 'REDIS_URL'],
    [named('AuthorizationError', 'Authorization Violation'), 'NATS_URL'],
    [new Error('closed', { cause: named('AuthorizationError', 'x') }), 'NATS_URL'],
  ])('%s: %s', (error, setting) => {
    expect(loginRefusal(error)?.setting).toBe(setting);
  });

  it.each([
    named('MongoServerError', 'not primary', { code: 10107 }),
    named('ReplyError', 'LOADING Redis is loading the dataset in memory'),
    new Error('connect ECONNREFUSED'),
    'WRONGPASS',
    undefined,
  ])('is not seen in %s', (error) => {
    expect(loginRefusal(error)).toBeUndefined();
  });
});

describe('an outage', () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push((JSON.parse(line) as { msg: string }).msg) };
  const outage = (): OutageLog =>
    new OutageLog(createLogger({ level: 'info', service: 't', destination }), 'Redis');
  afterEach(() => void lines.splice(0));

  it('that is a refused login is one line, with what to check', () => {
    const log = outage();
    for (let times = 0; times < 3; times += 1) log.failed(REFUSED);
    expect(lines).toEqual(['Redis refused the login: check user and password in REDIS_URL']);
  });

  it('that turns out to be one tells so, once', () => {
    const log = outage();
    log.failed(new Error('connect ECONNREFUSED'));
    log.failed(REFUSED);
    log.failed(new Error('Connection is closed.'));
    log.failed(REFUSED);
    log.recovered();
    log.failed(REFUSED);
    expect(lines).toEqual([
      'Redis is away',
      'Redis refused the login: check user and password in REDIS_URL',
      'Redis is back',
      'Redis refused the login: check user and password in REDIS_URL',
    ]);
  });
});
