import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../infra/logger.ts';
import { collections, type EventOrder } from '../../infra/mongo/collections.ts';
import { connectMongo, type MongoLink } from '../../infra/mongo/connect.ts';
import { ensureIndexes } from '../../infra/mongo/indexes.ts';
import { applyEvent, type EventStore } from '../../producers/events/apply.ts';
import type { BotEvent, EventKind } from '../../producers/events/parse.ts';
import { ownMongo, type OwnServer } from './events-servers.ts';

/** One event of a history; its place in the history gives its value. Two lives of the stream, each counting from 1. */
type Step = { life: 0 | 1; bot: string; kind: EventKind };
type Delivery = { event: BotEvent; order: EventOrder };
type Documents = Record<string, unknown>;

const LIVES = [new Date('2026-11-20T10:00:00.000Z'), new Date('2026-11-21T10:00:00.000Z')] as const;
const BOTS = ['a', 'b', 'c'];
const log = createLogger({ level: 'silent', service: 'test' });
const runs = { numRuns: 60 };

let mongo: OwnServer;
let link: MongoLink;
let store: EventStore;
beforeAll(async () => {
  mongo = await ownMongo();
  link = connectMongo(mongo.url, { appName: 'test', log });
  const { bots, eventOrder, wishTraces, ...rest } = collections(link.client, {
    bots: 'bots',
    schedules: 'schedules',
    runtime: 'runtime',
  });
  await ensureIndexes({ bots, eventOrder, wishTraces, ...rest });
  store = { documents: bots, eventOrder, wishTraces, withSession: (work) => link.client.withSession(work) };
});
afterAll(async () => {
  await link?.close();
  await mongo?.dispose();
});

function deliveries(history: Step[]): Delivery[] {
  const sequences = [0, 0];
  return [...history]
    .sort((x, y) => x.life - y.life)
    .map(({ life, bot, kind }, value) => {
      sequences[life] = (sequences[life] ?? 0) + 1;
      const event: BotEvent =
        kind === 'deleted'
          ? { kind, botId: bot }
          : { kind, botId: bot, config: { value }, custom: { version: String(value) } };
      return { event, order: { streamCreatedAt: LIVES[life], sequence: sequences[life] ?? 0 } };
    });
}

/** What the documents must be: the events one after the other, each once. */
function fold(all: Delivery[], start: Documents = {}): Documents {
  const documents = { ...start };
  for (const { event } of all) {
    if (event.kind === 'deleted') delete documents[event.botId];
    else if (event.kind === 'updated' || documents[event.botId] === undefined)
      documents[event.botId] = event.config;
  }
  return documents;
}

let runsSoFar = 0;
/** Every run has bots of its own in the one store: a database for each would take most of the time. */
async function inFreshStore(
  test: (
    apply: (delivery: Delivery) => Promise<void>,
    read: () => Promise<Documents>,
    prefix: string,
  ) => Promise<void>,
): Promise<void> {
  runsSoFar += 1;
  const prefix = `run${runsSoFar}-`;
  const apply = async ({ event, order }: Delivery): Promise<void> => {
    await applyPersistently({ ...event, botId: `${prefix}${event.botId}` }, order);
  };
  const read = async (): Promise<Documents> => {
    const bots = await store.documents.find({ id: { $in: BOTS.map((bot) => `${prefix}${bot}`) } }).toArray();
    return Object.fromEntries(bots.map((bot) => [bot.id.slice(prefix.length), bot.config]));
  };
  await test(apply, read, prefix);
}

const step = fc.record<Step>({
  life: fc.constantFrom(0 as const, 1 as const),
  bot: fc.constantFrom(...BOTS),
  kind: fc.constantFrom('created' as const, 'updated' as const, 'updated' as const, 'deleted' as const),
});

describe('the documents that a history of events ends in', () => {
  it('any history, delivered in order with crashes that repeat a stretch and zombies that repeat anything: as if each came once', async () => {
    const history = fc.array(step, { minLength: 1, maxLength: 14 });
    const disturbances = fc.array(fc.record({ after: fc.nat(13), back: fc.nat(6), zombie: fc.nat(13) }), {
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(history, disturbances, async (steps, disturbed) => {
        const all = deliveries(steps);
        await inFreshStore(async (apply, read) => {
          for (let at = 0; at < all.length; at += 1) {
            await apply(all[at]!);
            for (const { back, zombie } of disturbed.filter((each) => each.after === at)) {
              await apply(all[Math.min(zombie, at)]!);
              for (const again of all.slice(Math.max(0, at - back), at + 1)) await apply(again);
            }
          }
          expect(await read()).toEqual(fold(all));
        });
      }),
      runs,
    );
  });

  it('lives as the platform publishes them (created, updated…, deleted), delivered in any order and repeatedly: the newest event decides', async () => {
    const life = fc.record({
      created: fc.boolean(),
      updates: fc.nat(3),
      deleted: fc.boolean(),
      secondLifeFrom: fc.nat(5),
    });
    const lives = fc.tuple(life, life, life);
    await fc.assert(
      fc.asyncProperty(
        lives,
        fc.array(fc.nat(30), { maxLength: 8 }),
        fc.integer(),
        async (shapes, repeats, seed) => {
          const steps = shapes.flatMap(({ created, updates, deleted, secondLifeFrom }, index) => {
            const kinds: EventKind[] = [
              ...(created ? ['created' as const] : []),
              ...Array.from({ length: updates }, () => 'updated' as const),
              ...(deleted ? ['deleted' as const] : []),
            ];
            return kinds.map((kind, at): Step => ({
              life: at < secondLifeFrom ? 0 : 1,
              bot: BOTS[index]!,
              kind,
            }));
          });
          const all = deliveries(steps);
          if (all.length === 0) return;
          const shuffled = shuffle([...all, ...repeats.map((at) => all[at % all.length]!)], seed);
          await inFreshStore(async (apply, read) => {
            for (const delivery of shuffled) await apply(delivery);
            expect(await read()).toEqual(fold(all));
          });
        },
      ),
      runs,
    );
  });

  it('two producers that both believe in their lease, racing over the same history, end there too', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 10 }), fc.nat(9), async (steps, lead) => {
        const all = deliveries(steps);
        await inFreshStore(async (apply, read) => {
          const applyAll = async (from: Delivery[]): Promise<void> => {
            for (const delivery of from) await apply(delivery);
          };
          await applyAll(all.slice(0, lead));
          await Promise.all([applyAll(all.slice(lead)), applyAll(all)]);
          expect(await read()).toEqual(fold(all));
        });
      }),
      { numRuns: 25 },
    );
  });

  it('documents of the reference runtime are adopted: created leaves them, updated changes them, deleted removes them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.subarray(BOTS), async (steps, old) => {
        const all = deliveries(steps);
        await inFreshStore(async (apply, read, prefix) => {
          for (const id of old)
            await store.documents.insertOne({ id: `${prefix}${id}`, segment_id: 3, config: { old: id } });
          for (const delivery of all) await apply(delivery);
          expect(await read()).toEqual(fold(all, Object.fromEntries(old.map((id) => [id, { old: id }]))));
        });
      }),
      { numRuns: 30 },
    );
  });
});

/** Racing writers conflict; the consumer tries again, and so does this. */
async function applyPersistently(event: BotEvent, order: EventOrder): Promise<void> {
  for (;;) {
    try {
      await applyEvent(store, event, order);
      return;
    } catch (error) {
      if (![112, 11000, 251].includes(Number((error as { code?: unknown }).code))) throw error;
    }
  }
}

function shuffle<T>(items: T[], seed: number): T[] {
  let state = seed >>> 0;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return items
    .map((item) => ({ item, key: random() }))
    .sort((x, y) => x.key - y.key)
    .map(({ item }) => item);
}
