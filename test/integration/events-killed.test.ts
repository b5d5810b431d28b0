import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { until } from '../support/poll.ts';
import { ownMongo, ownNats } from './events-servers.ts';
import { eventWorld } from './events-world.ts';

it('two producers killed with -9 again and again lose no event and end every bot with its last', async () => {
  const [mongo, nats] = await Promise.all([ownMongo(), ownNats()]);
  const world = await eventWorld({ mongo: mongo.url, nats: nats.url });
  const { bots, eventOrder } = world.collections;
  const producers: ChildProcess[] = [];
  const script = new URL('events-producer.ts', import.meta.url).pathname;
  const start = (): ChildProcess =>
    spawn(process.execPath, [script, mongo.url, nats.url, bots.dbName, eventOrder.dbName], {
      stdio: 'inherit',
    });
  try {
    await world.createStream();
    producers.push(start(), start());
    const expected = new Map<string, unknown>();
    let published = 0;
    let publishing = true;
    const killing = (async () => {
      for (let round = 0; publishing; round += 1) {
        await sleep(400 + ((round * 137) % 300));
        producers[round % 2]?.kill('SIGKILL');
        producers[round % 2] = start();
      }
    })();
    for (let v = 1; v <= 600; v += 1) {
      const id = `b${(v * 7) % 25}`;
      const kind = expected.has(id) ? (v % 11 === 0 ? 'deleted' : 'updated') : 'created';
      await world.publish(kind, id, { v });
      published += 1;
      if (kind === 'deleted') expected.delete(id);
      else expected.set(id, { v });
      await sleep(8);
    }
    publishing = false;
    await killing;
    await until(
      async () => {
        const found = await bots.find().toArray();
        expect(new Map(found.map((bot) => [bot.id, bot.config]))).toEqual(expected);
        return found.length === expected.size;
      },
      { timeoutMs: 20_000 },
    );
    expect(published).toBe(600);
    expect(await world.collections.poison.countDocuments()).toBe(0);
  } finally {
    for (const producer of producers) producer.kill('SIGKILL');
    await world[Symbol.asyncDispose]();
    await Promise.all([mongo.dispose(), nats.dispose()]);
  }
}, 60_000);
