import { EventEmitter } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Lifecycle, type SignalSource, type StopReason } from './lifecycle.ts';
import { createLogger } from './logger.ts';

const lines: string[] = [];
const log = createLogger({
  level: 'info',
  service: 'test',
  destination: { write: (line) => lines.push(line) },
});
const requested: StopReason = { kind: 'request', why: 'test' };

afterEach(() => {
  lines.length = 0;
  vi.useRealTimers();
});

/** A stand-in for `process` that notes the exit code instead of ending. */
class Target extends EventEmitter {
  readonly exited = Promise.withResolvers<number>();
  exit(code?: number): never {
    this.exited.resolve(code ?? 0);
    return undefined as never;
  }
  get source(): SignalSource {
    return this as unknown as SignalSource;
  }
}

describe('Lifecycle', () => {
  it('goes from starting through running and draining to stopped', async () => {
    const life = new Lifecycle({ log, drainDeadlineMs: 1000 });
    const seen: string[] = [life.state];
    life.onStop('look', () => void seen.push(life.state));
    life.started();
    seen.push(life.state);
    await life.stop(requested);
    expect([...seen, life.state]).toEqual(['starting', 'running', 'draining', 'stopped']);
  });

  it('tells loops at once that draining has begun, before the first hook has ended', () => {
    const life = new Lifecycle({ log, drainDeadlineMs: 1000 });
    life.onStop('slow', () => new Promise((resolve) => setTimeout(resolve, 20)));
    life.started();
    void life.stop(requested);
    expect(life.signal.aborted).toBe(true);
    expect(life.state).toBe('draining');
  });

  it('stops in the reverse order of start, one after the other, each told why', async () => {
    const life = new Lifecycle({ log, drainDeadlineMs: 1000 });
    const order: string[] = [];
    for (const name of ['mongo', 'queues', 'workers'])
      life.onStop(name, async ({ reason }) => {
        order.push(`${name} begins: ${reason.kind}`);
        await Promise.resolve();
        order.push(`${name} ends`);
      });
    await life.stop(requested);
    expect(order).toEqual([
      'workers begins: request',
      'workers ends',
      'queues begins: request',
      'queues ends',
      'mongo begins: request',
      'mongo ends',
    ]);
  });

  it('begins to stop what takes work in before the first hook, and waits for it in its turn', async () => {
    const life = new Lifecycle({ log, drainDeadlineMs: 1000 });
    const order: string[] = [];
    const face = Promise.withResolvers<void>();
    const inHand = Promise.withResolvers<void>();
    life.onStop('mongo', () => void order.push('mongo'));
    life.onDrain('workers', async ({ reason }) => {
      order.push(`workers begin: ${reason.kind}`);
      await inHand.promise;
      order.push('workers end');
    });
    life.onStop('dashboard', () => face.promise.then(() => void order.push('dashboard')));
    const stopped = life.stop(requested);
    expect(order).toEqual(['workers begin: request']);
    face.resolve();
    await vi.waitFor(() => expect(order).toContain('dashboard'));
    expect(order).not.toContain('mongo');
    inHand.resolve();
    await stopped;
    expect(order).toEqual(['workers begin: request', 'dashboard', 'workers end', 'mongo']);
  });

  it('tells of what takes work in and fails or hangs as of any hook, and aborts it when its time is up', async () => {
    const life = new Lifecycle({ log, drainDeadlineMs: 50 });
    const aborted = Promise.withResolvers<void>();
    life.onDrain('hangs', ({ signal }) => {
      signal.addEventListener('abort', () => aborted.resolve());
      return new Promise(() => undefined);
    });
    life.onDrain('fails', () => {
      throw new Error('no');
    });
    await life.stop(requested);
    await aborted.promise;
    expect(lines.join('')).toMatch(/"hook":"fails".*failed while stopping/);
    expect(lines.join('')).toMatch(/"hook":"hangs".*did not stop in time/);
  });

  it('does not let a hook that fails or hangs keep the others from running', async () => {
    const life = new Lifecycle({ log, drainDeadlineMs: 50 });
    const order: string[] = [];
    life.onStop('leases', () => void order.push('leases'));
    life.onStop('fails', () => {
      throw new Error('no');
    });
    life.onStop(
      'hangs',
      ({ signal }) =>
        new Promise<void>((_, reject) =>
          signal.addEventListener('abort', () => reject(new Error('given up'))),
        ),
    );
    await life.stop(requested);
    expect(order).toEqual(['leases']);
    expect(lines.join('')).toMatch(/"hook":"hangs".*did not stop in time/);
    expect(lines.join('')).toMatch(/"hook":"fails".*failed while stopping/);
  });

  it('runs the hooks once, however often it is asked to stop', async () => {
    const life = new Lifecycle({ log, drainDeadlineMs: 1000 });
    const hook = vi.fn();
    life.onStop('once', hook);
    await Promise.all([life.stop(requested), life.stop(requested)]);
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it('does first what needs everything at work, then tells the loops', async () => {
    const life = new Lifecycle({ log, drainDeadlineMs: 1000 });
    const order: string[] = [];
    life.beforeDrain('stop bots', 1000, async () => {
      await Promise.resolve();
      order.push(`${life.state}, wish known: ${life.stopping.aborted}, loops told: ${life.signal.aborted}`);
    });
    life.onStop('workers', () => void order.push(`workers, loops told: ${life.signal.aborted}`));
    life.started();
    await life.stop(requested);
    expect(order).toEqual(['draining, wish known: true, loops told: false', 'workers, loops told: true']);
  });

  it('refuses what is started after the stop began, so that nothing leaks', async () => {
    const life = new Lifecycle({ log, drainDeadlineMs: 1000 });
    await life.stop(requested);
    expect(() => life.onStop('late', () => undefined)).toThrow(
      /late was started while the process was stopping/,
    );
    life.started();
    expect(life.state).toBe('stopped');
  });

  it('exits with 0 after the first signal’s drain', async () => {
    const target = new Target();
    const life = new Lifecycle({ log, drainDeadlineMs: 1000 });
    const hook = vi.fn();
    life.onStop('hook', hook);
    const uninstall = life.install(target.source);
    target.emit('SIGTERM', 'SIGTERM');
    expect(await target.exited.promise).toBe(0);
    expect(hook).toHaveBeenCalledTimes(1);
    uninstall();
    expect(target.eventNames()).toEqual([]);
  });

  it('takes a key press that arrives twice for one wish, and a real second signal for "now"', async () => {
    let now = 0;
    const target = new Target();
    const life = new Lifecycle({ log, drainDeadlineMs: 60_000, now: () => now });
    const held = Promise.withResolvers<void>();
    life.onStop('busy', () => held.promise);
    life.install(target.source);
    const exit = vi.spyOn(target, 'exit');
    target.emit('SIGINT', 'SIGINT');
    now = 20;
    target.emit('SIGINT', 'SIGINT');
    expect(exit).not.toHaveBeenCalled();
    now = 900;
    target.emit('SIGINT', 'SIGINT');
    expect(await target.exited.promise).toBe(130);
    held.resolve();
  });

  it('logs an uncaught error, runs the hooks within the short deadline and exits with 1', async () => {
    const target = new Target();
    const life = new Lifecycle({ log, drainDeadlineMs: 60_000, errorDeadlineMs: 30 });
    const hook = vi.fn();
    life.onStop('first', hook);
    life.onStop('hangs', () => new Promise(() => undefined));
    life.install(target.source);
    target.emit('unhandledRejection', new Error('nobody caught me'));
    expect(await target.exited.promise).toBe(1);
    expect(hook).toHaveBeenCalledTimes(1);
    expect(lines.join('')).toContain('nobody caught me');
  });
});
