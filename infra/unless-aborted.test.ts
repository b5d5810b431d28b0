import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { unlessAborted } from './unless-aborted.ts';

const never = new Promise<never>(() => undefined);

it('is what the work comes to, and leaves nothing on the signal', async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(Promise.resolve(7), signal)).toBe(7);
  await expect(unlessAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('is the signal’s reason, however long the work goes on', async () => {
  const over = new AbortController();
  const waiting = unlessAborted(never, over.signal);
  over.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(unlessAborted(never, over.signal)).rejects.toThrow('enough');
});

it('work that fails after that surfaces nowhere', async () => {
  const work = Promise.withResolvers<never>();
  await expect(unlessAborted(work.promise, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  const unheard: unknown[] = [];
  const hear = (error: unknown): void => void unheard.push(error);
  process.on('unhandledRejection', hear);
  work.reject(new Error('late'));
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', hear);
  expect(unheard).toEqual([]);
});
