import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Semaphore } from './semaphore.ts';

describe('Semaphore', () => {
  it('lets no more run at once than its width, and all in the end', async () => {
    const semaphore = new Semaphore(3);
    let running = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 20 }, () =>
        semaphore.run(async () => {
          running += 1;
          most = Math.max(most, running);
          await turn();
          running -= 1;
        }),
      ),
    );
    expect(most).toBe(3);
  });

  it('frees its place when the work fails', async () => {
    const semaphore = new Semaphore(1);
    await expect(semaphore.run(async () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await semaphore.run(async () => 'next')).toBe('next');
  });

  it('who gives up waiting takes no place', async () => {
    const semaphore = new Semaphore(1);
    let free = (): void => undefined;
    const held = semaphore.run(() => new Promise<void>((resolve) => (free = resolve)));
    const leaving = new AbortController();
    const waiting = semaphore.run(async () => 'ran', leaving.signal);
    const behind = semaphore.run(async () => 'behind');
    leaving.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    free();
    await held;
    expect(await behind).toBe('behind');
    expect(await semaphore.run(async () => 'free again')).toBe('free again');
  });
});
