import { expect, it } from 'vitest';
import { WatchPriority } from './watch-priority.ts';

function job(priority?: number) {
  const set: number[] = [];
  return {
    set,
    opts: priority === undefined ? {} : { priority },
    changePriority: (options: { priority: number }) => {
      set.push(options.priority);
      return Promise.resolve();
    },
  };
}

it('raises a watched job once, and lets it wait like others again when its run has to', async () => {
  const watched = job(7);
  const priority = new WatchPriority(watched);
  priority.raise();
  priority.raise();
  await priority.leave(false);
  expect(watched.set).toEqual([0, 7]);
});

it('raises a job that is handed back, and leaves one alone that was never watched', async () => {
  const [handedBack, waiting] = [job(7), job()];
  await new WatchPriority(handedBack).leave(true);
  await new WatchPriority(waiting).leave(false);
  expect([handedBack.set, waiting.set]).toEqual([[0], []]);
});

it('does not fail a run for want of a priority', async () => {
  const watched = job(7);
  let fails = true;
  const priority = new WatchPriority({
    ...watched,
    changePriority: (options) => {
      if (!fails) return watched.changePriority(options);
      fails = false;
      return Promise.reject(new Error('Redis is away'));
    },
  });
  priority.raise();
  await priority.leave(false);
  expect(watched.set).toEqual([7]);
});
