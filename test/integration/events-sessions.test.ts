import { expect, it } from 'vitest';
import { SessionPool } from '../../producers/events/sessions.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { ownMongo } from './events-servers.ts';

it('a successor ends the transaction that its predecessor left open, and the predecessor can neither complete it nor is it lamed', async () => {
  const server = await ownMongo();
  const log = createLogger({ level: 'silent', service: 'test' });
  const [first, second] = [
    connectMongo(server.url, { appName: 'first', log }),
    connectMongo(server.url, { appName: 'second', log }),
  ];
  const names = { bots: 'bots', schedules: 'schedules', runtime: 'runtime' };
  const [mine, theirs] = [collections(first.client, names), collections(second.client, names)];
  await mine.bots.insertOne({ id: 'b', config: { v: 0 } });
  const predecessor = new SessionPool(first.client, 2);
  const successor = new SessionPool(second.client, 2);
  try {
    await predecessor.takeOver(mine.eventSessions, 'events');
    await predecessor.lend(async (session) => {
      session.startTransaction();
      await mine.bots.updateOne({ id: 'b' }, { $set: { config: { v: 1 } } }, { session });

      await successor.takeOver(theirs.eventSessions, 'events');
      await theirs.bots.updateOne({ id: 'b' }, { $set: { config: { v: 2 } } }, { maxTimeMS: 500 });
      await expect(session.commitTransaction()).rejects.toThrow();
    });
    expect((await mine.bots.findOne({ id: 'b' }))?.config).toEqual({ v: 2 });

    await predecessor.takeOver(mine.eventSessions, 'events');
    for (const v of [3, 4, 5]) {
      await predecessor.lend(async (session) => {
        session.startTransaction();
        await mine.bots.updateOne({ id: 'b' }, { $set: { config: { v } } }, { session });
        await session.commitTransaction();
      });
    }
    expect((await mine.bots.findOne({ id: 'b' }))?.config).toEqual({ v: 5 });
  } finally {
    await Promise.all([first.close(), second.close()]);
    await server.dispose();
  }
});
