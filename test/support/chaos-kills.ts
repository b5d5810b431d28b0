import { setTimeout as sleep } from 'node:timers/promises';
import { botDocument, newBotId } from './bots.ts';
import { untilWell, type Child, type World } from './chaos-world.ts';

/** Pseudo-random numbers in [0, 1) from a seed, so that a failing run can be repeated (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type KillOptions = {
  world: World;
  trials: number;
  random: () => number;
  /** Between the wishes and the kill, at most. */
  withinMs: number;
  /** Gives up on a trial after this. */
  timeoutMs?: number;
  beforeTrial?: () => Promise<void>;
  onTrial?: (tookMs: number) => void;
};

/**
 * Two processors, and again and again: wishes of all kinds, and one of the two killed with -9 in the middle of them.
 * Resolves with how long each trial took from the kill to every bot being as desired. The world must plan already.
 */
export async function killTrials(options: KillOptions): Promise<number[]> {
  const { world, trials, random, withinMs, timeoutMs = 30_000 } = options;
  const children: [Child, Child] = await Promise.all([world.spawn('processor'), world.spawn('processor')]);
  const fleet: string[] = [];
  const took: number[] = [];
  for (let trial = 0; trial < trials; trial += 1) {
    await options.beforeTrial?.();
    await wish(world, fleet, random);
    await sleep(random() * withinMs);
    const victim = random() < 0.5 ? 0 : 1;
    const killedAtMs = performance.now();
    children[victim].kill('SIGKILL');
    const successor = world.spawn('processor');
    took.push(await untilWell(world, { sinceMs: killedAtMs, timeoutMs }));
    options.onTrial?.(took.at(-1) ?? 0);
    children[victim] = await successor;
  }
  return took;
}

/** Some wishes at once: new bots, changed ones, disabled, enabled and deleted ones. */
async function wish(world: World, fleet: string[], random: () => number): Promise<void> {
  const { bots } = world.collections;
  const created = [newBotId(), newBotId()];
  const changes = fleet.filter(() => random() < 0.5).slice(0, 4);
  await Promise.all([
    ...created.map((id) => bots.insertOne(botDocument(id, { filePath: world.filePath }))),
    ...changes.map(async (id) => {
      const dice = random();
      if (dice < 0.35)
        return bots.updateOne(
          { id },
          { $set: { 'config.v': Math.floor(random() * 1e9), 'config.enabled': true } },
        );
      if (dice < 0.6) return bots.updateOne({ id }, { $set: { 'config.enabled': false } });
      if (dice < 0.8) return bots.updateOne({ id }, { $set: { 'config.enabled': true } });
      fleet.splice(fleet.indexOf(id), 1);
      return bots.deleteOne({ id });
    }),
  ]);
  fleet.push(...created);
}
