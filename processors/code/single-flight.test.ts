import { describe, expect, it } from 'vitest';
import { SingleFlight } from './single-flight.ts';

/** Work that ends when told, and counts. */
function controlled() {
  const state = {
    started: 0,
    aborted: 0,
    finish: (_value: string): void => undefined,
    fail: (_error: Error): void => undefined,
  };
  const work = (signal: AbortSignal): Promise<string> => {
    state.started += 1;
    return new Promise((resolve, reject) => {
      state.finish = resolve;
      state.fail = reject;
      signal.addEventListener('abort', () => {
        state.aborted += 1;
        reject(signal.reason as Error);
      });
    });
  };
  return { state, work };
}

describe('SingleFlight', () => {
  it('runs the work once for all who ask while it runs, and again for who asks later', async () => {
    const flights = new SingleFlight<string>();
    const { state, work } = controlled();
    const both = [flights.run('k', undefined, work), flights.run('k', undefined, work)];
    state.finish('done');
    expect(await Promise.all(both)).toEqual(['done', 'done']);
    expect(state.started).toBe(1);
    const later = flights.run('k', undefined, work);
    expect(state.started).toBe(2);
    state.finish('again');
    expect(await later).toBe('again');
    expect(flights.size).toBe(0);
  });

  it('keeps different keys apart', async () => {
    const flights = new SingleFlight<string>();
    expect(
      await Promise.all([
        flights.run('a', undefined, async () => 'a'),
        flights.run('b', undefined, async () => 'b'),
      ]),
    ).toEqual(['a', 'b']);
  });

  it('a caller that gives up does not take the work from the others', async () => {
    const flights = new SingleFlight<string>();
    const { state, work } = controlled();
    const leaving = new AbortController();
    const first = flights.run('k', leaving.signal, work);
    const second = flights.run('k', undefined, work);
    leaving.abort(new Error('left'));
    await expect(first).rejects.toThrow('left');
    expect(state.aborted).toBe(0);
    state.finish('done');
    expect(await second).toBe('done');
  });

  it('cancels the work when the last caller has left, and whoever comes then starts anew', async () => {
    const flights = new SingleFlight<string>();
    const old = controlled();
    const leaving = new AbortController();
    const first = flights.run('k', leaving.signal, old.work);
    leaving.abort(new Error('left'));
    await expect(first).rejects.toThrow('left');
    expect(old.state.aborted).toBe(1);
    const fresh = controlled();
    const second = flights.run('k', undefined, fresh.work);
    fresh.state.finish('done');
    expect(await second).toBe('done');
  });

  it('passes a failure to all, and remembers it for nobody', async () => {
    const flights = new SingleFlight<string>();
    const { state, work } = controlled();
    const both = [flights.run('k', undefined, work), flights.run('k', undefined, work)];
    state.fail(new Error('broken'));
    for (const one of both) await expect(one).rejects.toThrow('broken');
    expect(await flights.run('k', undefined, async () => 'fine')).toBe('fine');
  });

  it('does nothing for a caller that has given up already', async () => {
    const flights = new SingleFlight<string>();
    const { state, work } = controlled();
    await expect(flights.run('k', AbortSignal.abort(new Error('left')), work)).rejects.toThrow('left');
    expect(state.started).toBe(0);
  });
});
