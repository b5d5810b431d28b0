// One of several processes that want the same seats: `node engine-room-child.ts REDIS_URL KEY LIMIT WORKS HELD_MS`. Each work
// stands in the sorted set KEY:inside while it is in; the most that ever stood there are told, one JSON line a work.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectRedis } from '../../infra/redis.ts';
import { EngineRoom } from '../../processors/engine-room.ts';
import { Semaphore } from '../../processors/semaphore.ts';

const [url = '', key = '', limit = '1', works = '1', heldMs = '10'] = process.argv.slice(2);
const parent = process.ppid;
setInterval(() => process.ppid !== parent && process.exit(1), 1_000).unref();

const redis = connectRedis(url, { role: 'producer', onError: () => undefined });
await new Promise((resolve) => redis.once('ready', resolve));
const semaphore = new Semaphore(Number(limit), new EngineRoom({ redis, key, limit: Number(limit) }));
console.log(JSON.stringify({ ready: true }));

await Promise.all(
  Array.from({ length: Number(works) }, async () => {
    const askedMs = performance.now();
    await semaphore.run(async () => {
      const waitedMs = performance.now() - askedMs;
      const member = `${process.pid}:${randomUUID()}`;
      await redis.zadd(`${key}:inside`, 0, member);
      console.log(JSON.stringify({ inside: await redis.zcard(`${key}:inside`), waitedMs }));
      await sleep(Number(heldMs));
      await redis.zrem(`${key}:inside`, member);
    });
  }),
);
redis.disconnect();
