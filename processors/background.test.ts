import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { until } from '../test/support/poll.ts';
import { Background } from './background.ts';
import { NotReadyYet } from './errors.ts';

const what = (): string => 'the image is being pulled';

it('does the work once for all who want it', async () => {
  await using background = new Background<number>({ patienceMs: 1_000, interestMs: 1_000 });
  let runs = 0;
  const work = async (): Promise<number> => {
    await sleep(10);
    return (runs += 1);
  };
  expect(await Promise.all([background.get('k', work, what), background.get('k', work, what)])).toEqual([
    1, 1,
  ]);
});

it('lets a caller go when its patience is over, and has the result ready when it comes back', async () => {
  await using background = new Background<string>({ patienceMs: 20, interestMs: 10_000 });
  const gate = Promise.withResolvers<string>();
  let runs = 0;
  const work = (): Promise<string> => {
    runs += 1;
    return gate.promise;
  };
  await expect(background.get('k', work, what)).rejects.toThrow(NotReadyYet);
  gate.resolve('sha256:1');
  expect(await background.get('k', work, what)).toBe('sha256:1');
  expect(runs).toBe(1);
});

it('tells the next caller of a failure that nobody waited for, and then tries anew', async () => {
  await using background = new Background<string>({ patienceMs: 10, interestMs: 10_000 });
  const gate = Promise.withResolvers<string>();
  await expect(background.get('k', () => gate.promise, what)).rejects.toThrow(NotReadyYet);
  gate.reject(new Error('no such image'));
  await expect(background.get('k', async () => 'unused', what)).rejects.toThrow('no such image');
  expect(await background.get('k', async () => 'second try', what)).toBe('second try');
});

it('aborts what nobody has asked for in a while', async () => {
  await using background = new Background<string>({ patienceMs: 10, interestMs: 50 });
  let aborted = false;
  const work = (signal: AbortSignal): Promise<string> =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        aborted = true;
        reject(signal.reason as Error);
      });
    });
  await expect(background.get('k', work, what)).rejects.toThrow(NotReadyYet);
  await until(() => aborted);
});

it('lets go of a caller whose own signal aborts, and goes on for the others', async () => {
  await using background = new Background<string>({ patienceMs: 1_000, interestMs: 1_000 });
  const gate = Promise.withResolvers<string>();
  const leaving = new AbortController();
  const left = background.get('k', () => gate.promise, what, leaving.signal);
  const stays = background.get('k', () => gate.promise, what);
  leaving.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  gate.resolve('done');
  expect(await stays).toBe('done');
});
