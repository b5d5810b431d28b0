import { EventEmitter } from 'node:events';
import { ObjectId, type MongoClient, type TopologyDescription } from 'mongodb';
import { expect, it } from 'vitest';
import { onNewPrimary } from './new-primary.ts';

/** Terms of the primaries of a set; undefined: a member that is no primary. */
const topology = (members: Record<string, number | undefined>): TopologyDescription =>
  ({
    servers: new Map(
      Object.entries(members).map(([address, term]) => [
        address,
        {
          address,
          electionId: term === undefined ? null : new ObjectId(term.toString(16).padStart(24, '0')),
        },
      ]),
    ),
  }) as unknown as TopologyDescription;

function follow(): {
  calls: () => number;
  becomes: (members: Record<string, number | undefined>) => void;
  stop: () => void;
} {
  const client = new EventEmitter();
  let calls = 0;
  let previousDescription = topology({});
  const following = onNewPrimary(client as unknown as MongoClient, () => (calls += 1));
  return {
    calls: () => calls,
    becomes(members) {
      const newDescription = topology(members);
      client.emit('topologyDescriptionChanged', { previousDescription, newDescription });
      previousDescription = newDescription;
    },
    stop: () => following[Symbol.dispose](),
  };
}

it('tells of another primary and of the same one elected again, and of nothing else', () => {
  const { calls, becomes, stop } = follow();
  becomes({ a: undefined, b: undefined });
  becomes({ a: 1, b: undefined });
  expect(calls()).toBe(0);
  becomes({ a: 1 });
  becomes({ a: 1, b: undefined });
  expect(calls()).toBe(0);
  becomes({ a: undefined, b: undefined });
  expect(calls()).toBe(0);
  becomes({ a: undefined, b: 2 });
  expect(calls()).toBe(1);
  becomes({ a: undefined, b: undefined });
  becomes({ a: undefined, b: 3 });
  expect(calls()).toBe(2);
  // The set was out of reach meanwhile, and is as it was.
  becomes({ a: undefined, b: undefined });
  becomes({ a: undefined, b: 3 });
  expect(calls()).toBe(2);
  stop();
  becomes({ a: 4, b: undefined });
  expect(calls()).toBe(2);
});

it('knows the primary that was there before it began to listen', () => {
  const client = new EventEmitter();
  let calls = 0;
  using _following = onNewPrimary(client as unknown as MongoClient, () => (calls += 1));
  client.emit('topologyDescriptionChanged', {
    previousDescription: topology({ a: 1 }),
    newDescription: topology({ a: 2 }),
  });
  expect(calls).toBe(1);
});
