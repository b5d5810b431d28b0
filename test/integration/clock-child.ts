// Prints the trusted clock's readings as JSON lines: `node clock-child.ts MONGO_URI REDIS_URL SHIFT_MS`. `Date` is shifted
// before anything else is imported, as on a host whose clock is wrong.
import { shiftDate } from '../support/shift-date.ts';

const [mongoUri = '', redisUrl = '', shiftMs = '0'] = process.argv.slice(2);
shiftDate(Number(shiftMs));

const { MongoClient } = await import('mongodb');
const { mongoTime, redisTime, TrustedClock } = await import('../../infra/clock.ts');
const { createLogger } = await import('../../infra/logger.ts');
const { connectRedis } = await import('../../infra/redis.ts');

const client = new MongoClient(mongoUri);
const redis = connectRedis(redisUrl, { role: 'worker', onError: () => undefined });
let degraded: string | undefined;
const clock = new TrustedClock({
  mongo: mongoTime(client),
  redis: redisTime(redis),
  log: createLogger({ level: 'silent', service: 'test' }),
  everyMs: 50,
  onDegraded: (reason) => {
    degraded = reason;
  },
});
await clock.start();
const timer = setInterval(() => {
  const reading = { now: clock.now(), date: Date.now(), skew: clock.skew(), degraded };
  process.stdout.write(`${JSON.stringify(reading)}\n`);
}, 50);
process.once('SIGTERM', () => {
  clearInterval(timer);
  void clock.stop().then(() => {
    redis.disconnect();
    return client.close();
  });
});
