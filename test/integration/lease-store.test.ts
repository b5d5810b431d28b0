import { MongoClient } from 'mongodb';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { LeaseStore } from '../../infra/lease-store.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
const client = new MongoClient(servers.mongoUri, { monitorCommands: true });
const { leases } = collections(client, servers.databases);
const store = new LeaseStore(leases);
const commands: string[] = [];
client.on('commandStarted', ({ commandName }) => commands.push(commandName));
afterAll(() => client.close());
beforeEach(async () => {
  await leases.deleteMany({});
  commands.length = 0;
});

const ttlMs = 60_000;
const NAMES = Array.from({ length: 200 }, (_unused, index) => `bot-${index}`);
const takeAll = (owner: string) =>
  Promise.all(NAMES.map((name) => store.take({ name, owner: `${owner}/${name}`, ttlMs })));

it('takes many at once by a few commands, and each is had or not by itself', async () => {
  await leases.insertMany([
    { _id: 'bot-3', owner: 'another', until: new Date(Date.now() + ttlMs), term: 7 },
    { _id: 'bot-4', owner: 'another', until: new Date(Date.now() - ttlMs), term: 7 },
    // Nobody's, and by hand: its term cannot be counted on.
    { _id: 'bot-5', owner: '', until: new Date(0), term: 'x' as unknown as number },
  ]);
  commands.length = 0;
  const taken = await Promise.allSettled(
    NAMES.map((name) => store.take({ name, owner: `me/${name}`, ttlMs })),
  );
  const terms = taken.map((each) => (each.status === 'fulfilled' ? each.value?.term : String(each.reason)));
  expect(terms[5]).toMatch(/^Error: The lease bot-5 was not taken: /);
  const expected = NAMES.map((_name, index) => (index === 3 ? undefined : index === 4 ? 8 : 1));
  expect(terms.toSpliced(5, 1)).toEqual(expected.toSpliced(5, 1));
  expect(commands.length).toBeLessThanOrEqual(4);
});

it('gives one of two that come in the same moment, under one name', async () => {
  const both = await Promise.all(['a', 'b'].map((owner) => store.take({ name: 'one', owner, ttlMs })));
  expect(both.filter((lease) => lease !== undefined)).toHaveLength(1);
});

it('gives many back by a few commands, and none that is another’s', async () => {
  expect((await takeAll('me')).every((lease) => lease?.term === 1)).toBe(true);
  commands.length = 0;
  await Promise.all(
    NAMES.map((name, index) => store.giveBack({ name, owner: `me/${name}`, term: index === 3 ? 2 : 1 })),
  );
  expect(commands.length).toBeLessThanOrEqual(2);
  const again = (await takeAll('other')).map((lease) => lease?.term);
  expect(again).toEqual(NAMES.map((_name, index) => (index === 3 ? undefined : 2)));
});
