import type { JetStreamClient } from '@nats-io/jetstream';
import { setTimeout as sleep } from 'node:timers/promises';
import { publishEvent } from '../../infra/nats/platform-stream.ts';
import { botDocument, newBotId, uploadCode } from './bots.ts';
import type { World } from './chaos-world.ts';

export type Load = {
  /** Bots whose creation NATS has acknowledged. */
  readonly published: readonly string[];
  /** Resolves when nothing is under way any more. */
  pause(): Promise<void>;
  resume(): void;
  /** Puts so many archives into the bucket that no bot has used: what needs S3 while it is away. */
  stockUp(count: number): Promise<void>;
  stop(): Promise<void>;
};

/** Every so many bots has code that was not fetched yet, as long as there is a stock of it. */
const OWN_CODE_EVERY = 5;
/** At most so many bots of the load's own: the oldest is deleted for each new one. */
const KEPT = 60;

/**
 * Wishes without end: bots created by events, changed and disabled in MongoDB, deleted. What fails because a server is
 * away is not repeated: nobody was promised it.
 */
export function startLoad(options: { world: World; publisher: JetStreamClient; everyMs: number }): Load {
  const { world, publisher, everyMs } = options;
  const { bots } = world.collections;
  const published: string[] = [];
  const alive: string[] = [];
  const stock: string[] = [];
  let round = 0;
  let paused = true;
  let stopped = false;
  const underWay = new Set<Promise<void>>();

  async function step(n: number): Promise<void> {
    const victim = alive[n % Math.max(1, alive.length)] ?? '';
    switch (n % 4) {
      case 0:
      case 1: {
        const id = newBotId();
        const filePath = (n % OWN_CODE_EVERY === 0 ? stock.pop() : undefined) ?? world.filePath;
        const { config, custom } = botDocument(id, { filePath });
        await publishEvent(publisher, 'the0.bot.created', { id, config, custom });
        published.push(id);
        alive.push(id);
        if (alive.length > KEPT) await disable(alive.shift() ?? '');
        return;
      }
      case 2:
        return void (await bots.updateOne({ id: victim }, { $set: { 'config.v': n } }));
      default:
        return void (await bots.updateOne({ id: victim }, { $set: { 'config.enabled': n % 8 === 3 } }));
    }
  }
  // Not deleted, so that a bot whose event was lost can be told from one that was deleted.
  const disable = async (id: string): Promise<void> =>
    void (await bots.updateOne({ id }, { $set: { 'config.enabled': false } }));

  const running = (async () => {
    while (!stopped) {
      await sleep(everyMs);
      if (paused) continue;
      const work: Promise<void> = step(round++)
        .catch(() => undefined)
        .finally(() => underWay.delete(work));
      underWay.add(work);
    }
  })();

  const pause = async (): Promise<void> => {
    paused = true;
    await Promise.all(underWay);
  };
  return {
    published,
    pause,
    resume: () => {
      paused = false;
    },
    async stockUp(count) {
      const source = (): string => `# ${newBotId()}\ndef main(bot_id, config):\n    pass\n`;
      while (stock.length < count) stock.push(await uploadCode(world.servers, { 'main.py': source() }));
    },
    async stop() {
      await pause();
      stopped = true;
      await running;
    },
  };
}
