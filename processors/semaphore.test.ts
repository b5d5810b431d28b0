import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { until } from '../test/support/poll.ts';
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

  it('lends a place of which the work takes long, and gives it back before all who wait', async () => {
    const semaphore = new Semaphore(1);
    const order: string[] = [];
    const storage = Promise.withResolvers<undefined>();
    const rest = Promise.withResolvers<undefined>();
    const slow = semaphore.run(async (place) => {
      expect(await place.lend(() => storage.promise.then(() => 'lent'), undefined, 1)).toBe('lent');
      order.push('slow');
    });
    const other = semaphore.run(async () => {
      order.push('other');
      await rest.promise;
    });
    const behind = semaphore.run(async () => void order.push('behind'));
    await until(() => order.includes('other'), { what: 'the place' });
    storage.resolve(undefined);
    // Nobody is in twice.
    await turn();
    expect(order).toEqual(['other']);
    rest.resolve(undefined);
    await Promise.all([slow, other, behind]);
    expect(order).toEqual(['other', 'slow', 'behind']);
  });

  it('keeps a place of which the work is done soon, and frees a lent one whatever comes', async () => {
    const semaphore = new Semaphore(1);
    const order: string[] = [];
    const quick = semaphore.run(async (place) => {
      await place.lend(async () => turn(), undefined, 600_000);
      order.push('quick');
    });
    const behind = semaphore.run(async () => void order.push('behind'));
    await Promise.all([quick, behind]);
    expect(order).toEqual(['quick', 'behind']);

    const stopping = new AbortController();
    const storage = Promise.withResolvers<undefined>();
    const rest = Promise.withResolvers<undefined>();
    const lending = semaphore.run((place) => place.lend(() => storage.promise, stopping.signal, 1));
    const holder = semaphore.run(async () => {
      order.push('holder');
      await rest.promise;
    });
    await until(() => order.includes('holder'), { what: 'the place' });
    // It comes back, has to wait, and is told to stop.
    storage.resolve(undefined);
    await turn();
    stopping.abort(new Error('stopping'));
    await expect(lending).rejects.toThrow('stopping');
    rest.resolve(undefined);
    await holder;
    let running = 0;
    let most = 0;
    await Promise.all(
      [1, 2, 3].map(() =>
        semaphore.run(async () => {
          most = Math.max(most, (running += 1));
          await turn();
          running -= 1;
        }),
      ),
    );
    expect(most).toBe(1);
  });

  it('takes a lent place again although nobody is let in any more: what was begun is finished', async () => {
    const semaphore = new Semaphore(1);
    const draining = new AbortController();
    const storage = Promise.withResolvers<undefined>();
    const rest = Promise.withResolvers<undefined>();
    let isLent = false;
    const begun = semaphore.run(async (place) => {
      await place.lend(() => storage.promise, undefined, 1);
      return 'finished';
    }, draining.signal);
    const other = semaphore.run(async () => {
      isLent = true;
      await rest.promise;
    });
    await until(() => isLent, { what: 'the place' });
    draining.abort(new Error('draining'));
    await expect(semaphore.run(async () => 'let in', draining.signal)).rejects.toThrow('draining');
    storage.resolve(undefined);
    rest.resolve(undefined);
    expect(await begun).toBe('finished');
    await other;
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
