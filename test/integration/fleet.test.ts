import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startMongo } from '../../infra/local/mongo.ts';
import type { RunningServer } from '../../infra/local/types.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { connectMongo, type MongoLink } from '../../infra/mongo/connect.ts';
import { PHASES, type BotStatus } from '../../model/status.ts';
import { Fleet } from '../../producers/control/bots/fleet.ts';
import { readRows, type Row } from '../../producers/control/bots/rows.ts';
import { botDocument, newBotId } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { testDirectory, testServers } from '../support/servers.ts';

const log = createLogger({ level: 'silent', service: 'test' });

const byId = (rows: readonly Row[]): Row[] => rows.toSorted((one, other) => (one.id < other.id ? -1 : 1));
const statusOf = (id: string, phase: BotStatus['phase'], restarts = 0): BotStatus => ({
  _id: id,
  phase,
  reason: '',
  since: new Date(),
  updatedAt: new Date(),
  restarts,
  consecutiveFailures: 0,
  token: 1,
});

describe.each([
  ['with change streams', true],
  ['of a standalone MongoDB, which has none', false],
])('the fleet %s', (_which, replicaSet) => {
  const { databases } = testServers();
  let server: RunningServer | undefined;
  let mongo: MongoLink;
  let all: Collections;
  let fleet: Fleet;
  let monotonicMs = 0;
  let questions = 0;

  beforeAll(async () => {
    server = await startMongo({ dir: testDirectory(), replicaSet });
    mongo = connectMongo(server.url, { appName: 'test', log });
    await mongo.ping(10_000);
    all = collections(mongo.client, databases);
  });
  afterAll(async () => {
    await mongo.close();
    await server?.stop();
  });
  beforeEach(() => {
    questions = 0;
    fleet = new Fleet(all, () => monotonicMs);
    return () => fleet[Symbol.asyncDispose]();
  });

  const listed = async (): Promise<Row[]> => {
    // Without change streams what was read is believed for half a second. With them it is believed until something changes,
    // from the second question on: time stands still then.
    if (!replicaSet || questions < 2) monotonicMs += 501;
    questions += 1;
    return (await fleet.ordered('id')).map(({ row }) => row);
  };
  const agrees = () =>
    until(async () => {
      const [shown, { rows }] = [await listed(), await readRows(all)];
      expect(shown).toEqual(byId(rows));
      return true;
    });

  it('follows every change of documents, statuses and holds, in every order that was asked for', async () => {
    const ids = Array.from({ length: 30 }, () => newBotId());
    await all.bots.insertMany(ids.map((id) => botDocument(id, { filePath: 'x' })));
    await agrees();
    await fleet.ordered('restarts');
    for (const [at, id] of ids.entries()) {
      if (at % 3 === 0) await all.status.insertOne(statusOf(id, PHASES[at % PHASES.length] ?? 'running', at));
      if (at % 4 === 0) await all.holds.insertOne({ _id: id, who: 'ann', why: 'x', at: new Date() });
      if (at % 5 === 0) await all.bots.updateOne({ id }, { $set: { 'config.name': `renamed ${at}` } });
      if (at % 7 === 0) await all.bots.deleteOne({ id });
    }
    await all.bots.insertOne(botDocument(newBotId(), { filePath: 'x' }));
    await agrees();
    const restarts = (await fleet.ordered('restarts')).map(({ row }) => row.restarts);
    expect(restarts).toEqual(restarts.toSorted((one, other) => other - one));
    await all.holds.deleteMany({});
    await all.status.updateMany({}, { $set: { phase: 'running' } });
    await agrees();
  });

  it('is whole again after a collection was dropped', async () => {
    await all.bots.insertOne(botDocument(newBotId(), { filePath: 'x' }));
    await agrees();
    await all.bots.drop();
    await agrees();
    await all.bots.insertOne(botDocument(newBotId(), { filePath: 'x' }));
    await agrees();
  });

  it('is read once for all who ask at the same moment, and a failure is told and not kept', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => fleet.ordered('name')));
    expect(new Set(answers).size).toBe(1);
    await fleet[Symbol.asyncDispose]();
    questions = 0;
    monotonicMs += 60_000;
    await server?.stop();
    await until(() => !mongo.connected);
    await expect(fleet.ordered('name')).rejects.toThrow();
    await server?.restart();
    await until(() => mongo.connected, { timeoutMs: 20_000 });
    await agrees();
  }, 60_000);
});
