import type { ChangeStream, Collection, Document } from 'mongodb';
import { expect, it } from 'vitest';
import { createLogger } from '../../infra/logger.ts';
import type { ResumeTokenDocument } from '../../infra/mongo/collections.ts';
import { until } from '../../test/support/poll.ts';
import { ChangeFeed, type Changed } from './change-feed.ts';

const log = createLogger({ level: 'silent', service: 'test' });

/** A server whose streams stand until the test breaks them. */
function server(options: { position: boolean }) {
  let stored = options.position ? { token: 'somewhere' } : null;
  let opened = 0;
  let breakStream: (error: Error) => void = () => undefined;
  const watch = (): ChangeStream<Document> => {
    opened += 1;
    const never = Promise.withResolvers<never>();
    never.promise.catch(() => undefined);
    breakStream = never.reject;
    return {
      tryNext: async () => null,
      next: () => never.promise,
      close: async () => never.reject(new Error('closed')),
      resumeToken: 'here',
    } as unknown as ChangeStream<Document>;
  };
  const tokens = {
    findOne: async () => stored,
    updateOne: async () => void (stored = { token: 'here' }),
  } as unknown as Collection<ResumeTokenDocument>;
  return {
    collection: { watch } as unknown as Collection<Document>,
    tokens,
    opened: () => opened,
    fails: () => breakStream(new Error('the server went away')),
  };
}

async function follow(position: boolean, act: (world: ReturnType<typeof server>) => Promise<void>) {
  const world = server({ position });
  const changes: Changed[] = [];
  let recovered = 0;
  const feed = new ChangeFeed({
    source: { name: 'bots', collection: world.collection, idField: '_id' },
    tokens: world.tokens,
    onChange: async (changed) => void changes.push(changed),
    onRecovered: () => void (recovered += 1),
    log,
  });
  const stop = new AbortController();
  const running = feed.run(stop.signal);
  await act(world);
  stop.abort();
  await running;
  return { changes, recovered };
}

it('tells that it follows again after a failure, once each, and not when it begins', async () => {
  const { changes, recovered } = await follow(true, async (world) => {
    await until(() => world.opened() === 1);
    world.fails();
    await until(() => world.opened() === 2);
    world.fails();
    await until(() => world.opened() === 3);
  });
  expect(recovered).toBe(2);
  expect(changes).toEqual([]);
});

it('counts a failure after which it has no position as a beginning: everything was looked at', async () => {
  const { changes, recovered } = await follow(false, async (world) => {
    await until(() => world.opened() === 1);
    world.fails();
    await until(() => world.opened() === 2);
  });
  expect(recovered).toBe(0);
  expect(changes.map(({ kind }) => kind)).toEqual(['everything', 'everything']);
});
