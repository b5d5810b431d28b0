import { expect, it } from 'vitest';
import type { Desired } from './desired.ts';
import { Superseded, whileWanted } from './wish-watch.ts';

const wanted = (fingerprint: string, restarts = 0): Desired => ({
  kind: 'run',
  bot: { id: 'b' },
  fingerprint,
  restarts,
});
const never = new AbortController().signal;
const endless = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

it('gives a step up as soon as something else is wanted', async () => {
  let now = wanted('f1');
  setTimeout(() => (now = wanted('f2')), 20);
  await expect(
    whileWanted({ desired: wanted('f1'), read: async () => now, everyMs: 5, signal: never }, endless),
  ).rejects.toThrow(Superseded);
});

it.each<[string, Desired]>([
  ['disabled', { kind: 'rest', phase: 'stopped', reason: '' }],
  ['held', { kind: 'rest', phase: 'held', reason: '' }],
  ['deleted', { kind: 'gone' }],
])('gives it up when the bot is %s', async (_what, now) => {
  await expect(
    whileWanted({ desired: wanted('f1'), read: async () => now, everyMs: 5, signal: never }, endless),
  ).rejects.toThrow(Superseded);
});

it('goes on while MongoDB is away', async () => {
  const step = async (): Promise<string> => new Promise((resolve) => setTimeout(() => resolve('done'), 40));
  const read = async (): Promise<Desired> => Promise.reject(new Error('away'));
  expect(await whileWanted({ desired: wanted('f1'), read, everyMs: 5, signal: never }, step)).toBe('done');
});

it('costs a quick step no reading', async () => {
  let reads = 0;
  const read = async (): Promise<Desired> => ((reads += 1), wanted('f1'));
  expect(
    await whileWanted({ desired: wanted('f1'), read, everyMs: 1_000, signal: never }, async () => 1),
  ).toBe(1);
  expect(reads).toBe(0);
});

it('ends with the reason of the caller’s signal, even if the step does not listen', async () => {
  const stop = new AbortController();
  const deaf = (): Promise<never> => new Promise(() => undefined);
  const waiting = whileWanted(
    { desired: wanted('f1'), read: async () => wanted('f1'), everyMs: 5, signal: stop.signal },
    deaf,
  );
  stop.abort(new Error('draining'));
  await expect(waiting).rejects.toThrow('draining');
});
