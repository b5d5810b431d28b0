import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { expect, it } from 'vitest';
import { Health } from '../../../proto/gen/grpc/health/v1/health_pb.js';
import { isChange } from './change-request.ts';
import { isOpen, leastRole, METHOD_ROLES, methodName } from './method-roles.ts';
import { API_SERVICES } from './services.ts';

const methods = API_SERVICES.flatMap((service) => service.methods);

it('every method of every service has its role, and nothing else has one', () => {
  expect(methods.map(methodName).sort()).toEqual(Object.keys(METHOD_ROLES).sort());
});

it('no method is open to everybody but health', () => {
  expect(methods.filter(isOpen)).toEqual([]);
  expect(Health.methods.every(isOpen)).toBe(true);
});

it('a viewer changes nothing', () => {
  const changes = methods.filter(({ input }) => isChange(input)).map((method) => leastRole(method));
  expect(changes.length).toBeGreaterThan(10);
  expect(changes).not.toContain('viewer');
});

it('what says that it has no side effects is no change', () => {
  const reads = methods.filter(
    ({ idempotency }) => idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
  );
  expect(reads.length).toBeGreaterThan(10);
  expect(reads.filter(({ input }) => isChange(input)).map(methodName)).toEqual([]);
});

it('a method of another API has no role, so nobody may call it', () => {
  expect(Health.methods.map(leastRole)).toEqual([undefined, undefined]);
});
