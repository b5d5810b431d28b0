import { describe, expect, it } from 'vitest';
import { together } from './together.ts';

const forever = new AbortController().signal;

describe('together', () => {
  it('does things side by side', async () => {
    const met = Promise.withResolvers<void>();
    let done = false;
    // One after the other, the first would wait for ever.
    await together(forever, [
      () => met.promise,
      async () => {
        met.resolve();
        await met.promise;
        done = true;
      },
    ]);
    expect(done).toBe(true);
  });

  it('throws the first failure, once what it told to stop has stopped', async () => {
    const said: string[] = [];
    const stopped = Promise.withResolvers<void>();
    const working = together(forever, [
      async (signal) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        said.push(`told: ${(signal.reason as Error).message}`);
        await stopped.promise;
        said.push('stopped');
        signal.throwIfAborted();
      },
      () => Promise.reject(new Error('no room')),
    ]).catch((error: unknown) => said.push(`failed: ${(error as Error).message}`));
    stopped.resolve();
    await working;
    expect(said).toEqual(['told: no room', 'stopped', 'failed: no room']);
  });

  it('hands on the caller’s signal, and throws its reason', async () => {
    const leaving = new AbortController();
    const working = together(leaving.signal, [
      async (signal) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        signal.throwIfAborted();
      },
    ]);
    leaving.abort(new Error('the lock is lost'));
    await expect(working).rejects.toThrow('the lock is lost');
  });
});
