import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import { boundedEngine } from './bounded-engine.ts';

const settings = loadSettings({ ENGINE_CONCURRENCY: '2' });

it('asks for so many stops and removals at once only, and for all in the end', async () => {
  const engine = createFakeEngine({ installation: 't' });
  const now = { stop: 0, remove: 0 };
  const most = { stop: 0, remove: 0 };
  let done = 0;
  const slow = (what: 'stop' | 'remove') => async (): Promise<void> => {
    most[what] = Math.max(most[what], (now[what] += 1));
    await sleep(5);
    now[what] -= 1;
    done += 1;
  };
  Object.assign(engine, { stop: slow('stop'), remove: slow('remove') });
  const bounded = boundedEngine(engine, settings);
  const all = Array.from({ length: 40 }, (_, index) => String(index));
  await Promise.all(all.flatMap((id) => [bounded.stop(id, 0), bounded.remove(id)]));
  expect(done).toBe(80);
  expect(most).toEqual({ stop: 16, remove: 2 });
});

it('is the same engine in everything else, with what is done to that', async () => {
  const engine = createFakeEngine({ installation: 't', images: ['python:3.11-slim'] });
  const bounded = boundedEngine(engine, settings);
  expect(await bounded.identify()).toEqual(await engine.identify());
  expect(bounded.installation).toBe('t');
  await engine.control.setUnavailable(true);
  await expect(bounded.list()).rejects.toThrow();
  await expect(bounded.remove('a'.repeat(64))).rejects.toThrow();
});

it('whoever gives up waiting for a stop is not kept', async () => {
  const engine = createFakeEngine({ installation: 't' });
  const held = Promise.withResolvers<undefined>();
  engine.stop = () => held.promise;
  const bounded = boundedEngine(engine, loadSettings({ ENGINE_CONCURRENCY: '1' }));
  const stops = Array.from({ length: 8 }, () => bounded.stop('x', 0));
  const leaving = new AbortController();
  const waiting = bounded.stop('y', 0, { signal: leaving.signal });
  leaving.abort(new Error('the lock is lost'));
  await expect(waiting).rejects.toThrow('the lock is lost');
  held.resolve(undefined);
  await Promise.all(stops);
});
