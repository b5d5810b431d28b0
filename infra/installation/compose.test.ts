import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

type Service = {
  ports?: string[];
  environment?: Record<string, string>;
  healthcheck?: object;
  depends_on?: Record<string, { condition: string }>;
};

const { services } = parse(readFileSync(join(import.meta.dirname, '..', 'compose.yaml'), 'utf8'), {
  merge: true,
}) as { services: Record<string, Service> };

/** Ports of containers by the variable that says where they are published. */
const publishedOn = (variable: string): number[] =>
  Object.values(services)
    .flatMap(({ ports = [] }) => ports)
    .filter((port) => port.startsWith(`\${${variable}:-127.0.0.1}:`))
    .map((port) => Number(port.split(':').at(-1)))
    .toSorted((one, other) => one - other);

it('publishes for people only what asks for a token, and for the platform only what it needs', () => {
  expect(publishedOn('PUBLISH_HOST')).toEqual([8090, 50051]);
  expect(publishedOn('PLATFORM_HOST')).toEqual([4222, 9000, 9477]);
  expect(Object.values(services).flatMap(({ ports = [] }) => ports)).toHaveLength(5);
});

it('tells the query server where it is published, so that it warns of what others reach', () => {
  expect(services['query-server']?.environment?.['QUERY_PUBLISHED_HOST']).toBe('${PLATFORM_HOST:-127.0.0.1}');
});

/** It ends when its work is done. */
const ONCE = 'mongo-setup';

it('sees of every service whether it is healthy, and starts nothing before what it needs is', () => {
  for (const [name, { healthcheck, depends_on: needs = {} }] of Object.entries(services)) {
    expect(healthcheck !== undefined, name).toBe(name !== ONCE);
    for (const [needed, { condition }] of Object.entries(needs))
      expect(condition, `${name} needs ${needed}`).toBe(
        needed === ONCE ? 'service_completed_successfully' : 'service_healthy',
      );
  }
});
