import { create, fromJson } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { StopBotRequestSchema, StopBotResponseSchema } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import {
  CreateTokenRequestSchema,
  CreateTokenResponseSchema,
} from '../../../proto/gen/the0/runtime/v1/installation_pb.js';
import { RetryJobRequestSchema } from '../../../proto/gen/the0/runtime/v1/queues_pb.js';
import { BackfillRequestSchema, RunNowRequestSchema } from '../../../proto/gen/the0/runtime/v1/runs_pb.js';
import { changeOf, requestHash, targetOf, tellingOf } from './change-request.ts';

const runNow = (override: Record<string, unknown>) =>
  fromJson(RunNowRequestSchema, {
    schedule: 's',
    configOverride: override as never,
    change: { reason: 'x' },
  });

it('the same request has the same hash however its parameters were ordered', () => {
  const one = runNow({ a: 1, b: { c: [1, 2], d: 'x' } });
  const other = runNow({ b: { d: 'x', c: [1, 2] }, a: 1 });
  expect(requestHash(RunNowRequestSchema, one)).toBe(requestHash(RunNowRequestSchema, other));
});

it.each([
  ['another value', { a: 2 }],
  ['another order of a list', { a: [2, 1] }],
  ['a list in place of an object', { a: [['b', 1]] }],
  ['a key of the language itself', { a: 1, ['__proto__']: 1 }],
])('%s is another request', (_what, override) => {
  const plain = [{ a: 1 }, { a: [1, 2] }, { a: { b: 1 } }].map((each) =>
    requestHash(RunNowRequestSchema, runNow(each)),
  );
  expect(plain).not.toContain(requestHash(RunNowRequestSchema, runNow(override)));
});

it('knows what a request is about', () => {
  expect(targetOf(create(StopBotRequestSchema, { id: 'bot' }))).toBe('bot');
  expect(targetOf(create(RunNowRequestSchema, { schedule: 'schedule' }))).toBe('schedule');
  expect(targetOf(create(RetryJobRequestSchema, { queue: 'start', id: '7' }))).toBe('start/7');
  expect(targetOf(create(CreateTokenRequestSchema, { name: 'grafana' }))).toBe('grafana');
});

it('an answer tells what was made, and what came of it', () => {
  expect(tellingOf(create(StopBotResponseSchema, { outcome: 'it stops' }))).toEqual({ message: 'it stops' });
  const made = create(CreateTokenResponseSchema, { token: { id: 'abc' }, text: 'the0_abc_secret' });
  expect(tellingOf(made)).toEqual({ target: 'abc' });
});

it('only asking what would be done is no change', () => {
  const change = { reason: 'x' };
  expect(changeOf(create(BackfillRequestSchema, { dryRun: true, change }))).toBeUndefined();
  expect(changeOf(create(BackfillRequestSchema, { change }))).toMatchObject(change);
});
