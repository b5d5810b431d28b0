import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { delayedScoreMs } from '../../../queues/delayed-score.ts';
import type { PageKey } from '../page-token.ts';
import type { JobState } from './view.ts';

/** A job in the list of its state. */
export type Place = { id: string; key: PageKey; dueAtMs?: number };

type Wanted = { after: PageKey | undefined; limit: number };
type Reader = (redis: Redis, queue: Queue, wanted: Wanted) => Promise<Place[]>;

/**
 * Jobs in a state, from a place on. Waiting: in the order in which they are taken; active: the longest at work first; delayed:
 * the soonest first; the others: those that ended last first. A place holds although jobs come and go before it.
 */
export const placesOf: Readonly<Record<JobState, Reader>> = {
  waiting,
  active,
  delayed: async (redis, queue, wanted) => {
    const found = await sorted(redis, queue.toKey('delayed'), 'rising', wanted);
    return found.map((place) => ({ ...place, dueAtMs: delayedScoreMs(Number(place.key[0])) }));
  },
  failed: (redis, queue, wanted) => sorted(redis, queue.toKey('failed'), 'falling', wanted),
  completed: (redis, queue, wanted) => sorted(redis, queue.toKey('completed'), 'falling', wanted),
};

/** Those without a priority stand in a list and are taken before all others. Key: null and the id, or score and id. */
async function waiting(redis: Redis, queue: Queue, { after, limit }: Wanted): Promise<Place[]> {
  const [score = null, id = ''] = (after ?? []) as [(number | null)?, string?];
  const listed = score === null ? await listedAfter(redis, queue.toKey('wait'), id, limit) : [];
  if (listed.length >= limit) return listed;
  const rest = await sorted(redis, queue.toKey('prioritized'), 'rising', {
    after: score === null ? undefined : after,
    limit: limit - listed.length,
  });
  return [...listed, ...rest];
}

/**
 * Jobs enter a list on its left and leave it on its right. Where the one that a page ended with has left it, so have all that
 * were before it, and the page begins with the next to be taken. (Where somebody removed it, some are shown twice.)
 */
const LISTED_AFTER = `
  local at = ARGV[1] ~= '' and redis.call('LPOS', KEYS[1], ARGV[1])
  if not at then return redis.call('LRANGE', KEYS[1], -tonumber(ARGV[2]), -1) end
  if at == 0 then return {} end
  return redis.call('LRANGE', KEYS[1], math.max(0, at - tonumber(ARGV[2])), at - 1)
`;

async function listedAfter(redis: Redis, key: string, id: string, limit: number): Promise<Place[]> {
  const ids = (await redis.eval(LISTED_AFTER, 1, key, id, limit)) as string[];
  return ids.reverse().map((each) => ({ id: each, key: [null, each] }));
}

/** As many as processors have places, so all of them are looked at: one that ends leaves the list from its middle. */
async function active(redis: Redis, queue: Queue, { after, limit }: Wanted): Promise<Place[]> {
  const ids = await redis.lrange(queue.toKey('active'), 0, -1);
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hget(queue.toKey(id), 'processedOn');
  const answers = ids.length === 0 ? [] : ((await pipeline.exec()) ?? []);
  const places = ids.map((id, index): { id: string; key: [number, string] } => {
    const [error, since] = answers[index] ?? [];
    if (error) throw error;
    return { id, key: [Number(since ?? 0), id] };
  });
  return places
    .sort((one, other) => compare(one.key, other.key))
    .filter(({ key }) => after === undefined || compare(key, after as [number, string]) > 0)
    .slice(0, limit);
}

/** Key: score and id, which is how Redis itself orders them. */
async function sorted(
  redis: Redis,
  key: string,
  order: 'rising' | 'falling',
  { after, limit }: Wanted,
): Promise<Place[]> {
  const sign = order === 'rising' ? 1 : -1;
  const from = after as [number, string] | undefined;
  const found: Place[] = [];
  // Of one score there may be many, of which the first have been shown.
  for (let offset = 0; found.length < limit; offset += limit) {
    const start = from === undefined ? (order === 'rising' ? '-inf' : '+inf') : String(from[0]);
    const answer =
      order === 'rising'
        ? await redis.zrangebyscore(key, start, '+inf', 'WITHSCORES', 'LIMIT', offset, limit)
        : await redis.zrevrangebyscore(key, start, '-inf', 'WITHSCORES', 'LIMIT', offset, limit);
    for (let at = 0; at + 1 < answer.length; at += 2) {
      const [id = '', score] = [answer[at], Number(answer[at + 1])];
      if (from === undefined || sign * compare([score, id], from) > 0) found.push({ id, key: [score, id] });
    }
    if (answer.length < 2 * limit) break;
  }
  return found.slice(0, limit);
}

const compare = (one: readonly [number, string], other: readonly [number, string]): number =>
  one[0] - other[0] || (one[1] < other[1] ? -1 : one[1] > other[1] ? 1 : 0);
