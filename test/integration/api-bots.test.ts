import { Code, ConnectError, type Client } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PHASES, type BotStatus, type Phase } from '../../model/status.ts';
import {
  BotOrder,
  BotPhase,
  BotService,
  type Explanation_Health,
  RolloutState,
  type Bot,
  type ListBotsRequest,
} from '../../proto/gen/the0/runtime/v1/bots_pb.js';
import { bearer, callJson, clientOf, startTestApi, type TestApi } from '../support/api.ts';
import { botDocument, newBotId } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
let api: TestApi;
let client: Client<typeof BotService>;
let token: string;

const BOTS = 250;
const ids = Array.from({ length: BOTS }, () => newBotId()).sort();
const change = { reason: 'incident 7' };
const all = () => api.connections.collections;

/** Every phase, and every tenth without a status. */
const phaseOf = (at: number): Phase | undefined => (at % 10 === 9 ? undefined : PHASES[at % PHASES.length]);
const statusOf = (id: string, at: number, phase: Phase): BotStatus => ({
  _id: id,
  phase,
  reason: `reason ${at}`,
  since: new Date(1_790_000_000_000 + at * 1_000),
  updatedAt: new Date(),
  restarts: at % 7,
  consecutiveFailures: 0,
  token: 1,
  lock: null,
});

beforeAll(async () => {
  api = await startTestApi({ environment: servers.environment });
  token = await api.token('operator');
  client = clientOf(api, BotService, token);
  await all().bots.insertMany(
    ids.map((id, at) =>
      botDocument(id, {
        filePath: 'owner/x/1.0.0',
        runtime: at % 2 === 0 ? 'python3.11' : 'nodejs20',
        config: {
          name: `Bot ${BOTS - at}`,
          type: at % 5 === 0 ? 'realtime/momentum' : 'realtime/grid',
          apiKey: 'canary-secret',
        },
      }),
    ),
  );
  await all().status.insertMany(
    ids.flatMap((id, at) => {
      const phase = phaseOf(at);
      return phase === undefined ? [] : [statusOf(id, at, phase)];
    }),
  );
  await all().holds.insertMany(
    ids.slice(0, 5).map((id) => ({ _id: id, who: 'ann', why: 'x', at: new Date() })),
  );
});
afterAll(() => api.stop());

type Query = Partial<Pick<ListBotsRequest, 'order'>> & { filter?: object };

async function pages(query: Query, size: number): Promise<Bot[]> {
  const found: Bot[] = [];
  for (let pageToken = ''; ;) {
    const { bots, nextToken } = await client.listBots({ ...query, page: { size, token: pageToken } });
    expect(bots.length).toBeLessThanOrEqual(size);
    found.push(...bots);
    if (nextToken === '') return found;
    pageToken = nextToken;
  }
}

describe('a list of bots', () => {
  it('that is brief is without what each printed last', async () => {
    const id = ids[0] ?? '';
    const lastExit = { at: new Date(), exitCode: 3, oomKilled: false, upSeconds: 1, requested: false };
    await all().status.updateOne(
      { _id: id },
      { $set: { lastExit: { ...lastExit, containerId: 'c1', lastOutput: ['the last line'] } } },
    );
    const exitOf = async (brief: boolean) =>
      (await client.listBots({ filter: { text: id }, brief })).bots[0]?.lastExit;
    await until(async () => (await exitOf(false))?.exitCode === 3);
    expect((await exitOf(false))?.lastOutput).toEqual(['the last line']);
    expect(await exitOf(true)).toMatchObject({ exitCode: 3, lastOutput: [] });
  });

  it.each([
    ['trouble first', BotOrder.UNSPECIFIED],
    ['by id', BotOrder.ID],
    ['by name', BotOrder.NAME],
    ['changed last, first', BotOrder.SINCE],
    ['most restarts first', BotOrder.RESTARTS],
  ])('gives each bot once, page by page, %s, whatever the size of the pages', async (_how, order) => {
    const found = await pages({ order }, 37);
    expect(found.map(({ id }) => id).sort()).toEqual(ids);
    const whole = await pages({ order }, 1000);
    expect(found.map(({ id }) => id)).toEqual(whole.map(({ id }) => id));
    const key = (bot: Bot): string | number => {
      if (order === BotOrder.ID) return bot.id;
      if (order === BotOrder.NAME) return bot.name.toLowerCase();
      if (order === BotOrder.SINCE) return -Number(bot.since?.seconds ?? Number.MIN_SAFE_INTEGER);
      if (order === BotOrder.RESTARTS) return -bot.restarts;
      return [BotPhase.FAILED, BotPhase.STATE_UNAVAILABLE, BotPhase.BACKING_OFF].includes(bot.phase) ? 0 : 1;
    };
    const keys = found.map(key);
    for (const [at, one] of keys.entries())
      if (at > 0) expect(one >= (keys[at - 1] ?? one), `place ${at}`).toBe(true);
  });

  it('counts by phase all that match, not only those of the page', async () => {
    const { bots, total, counts } = await client.listBots({ page: { size: 3 } });
    expect(bots).toHaveLength(3);
    expect(total).toBe(BOTS);
    expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(BOTS);
    const running = ids.filter((_, at) => phaseOf(at) === 'running').length;
    expect(counts.find(({ phase }) => phase === BotPhase.RUNNING)?.count).toBe(running);
  });

  it('is filtered by phase, runtime, hold, and part of id, name, type or version in any case', async () => {
    const expected = ids.filter((_, at) => phaseOf(at) === 'failed' && at % 2 === 0);
    const failed = await pages({ filter: { phases: [BotPhase.FAILED], runtimes: ['python3.11'] } }, 10);
    expect(failed.map(({ id }) => id)).toEqual(expected);
    expect((await pages({ filter: { held: true } }, 10)).map(({ hold }) => hold?.who)).toEqual(
      Array(5).fill('ann'),
    );
    expect((await client.listBots({ filter: { text: 'MOMENTUM' } })).total).toBe(BOTS / 5);
    const [first = ''] = ids;
    expect(
      (await client.listBots({ filter: { text: first.slice(3, 20).toUpperCase() } })).bots.map(
        ({ id }) => id,
      ),
    ).toEqual([first]);
    expect((await client.listBots({ filter: { text: 'no such' } })).bots).toEqual([]);
  });

  it('tells nothing of a configuration', async () => {
    const { body } = await callJson(api, 'BotService/ListBots', {}, bearer(token));
    expect(JSON.stringify(body)).toContain('reason 1');
    expect(JSON.stringify(body)).not.toContain('canary-secret');
  });

  it.each([
    ['of another filter', { filter: { text: 'x' } }],
    ['of another order', { order: BotOrder.NAME }],
  ])('refuses a page token %s, and says what to do', async (_what, other) => {
    const { nextToken } = await client.listBots({ page: { size: 2 } });
    const refused = await client
      .listBots({ ...other, page: { token: nextToken } })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConnectError);
    expect((refused as ConnectError).code).toBe(Code.InvalidArgument);
    expect((refused as ConnectError).message).toContain('repeat the query');
  });

  it('refuses a phase that is none, rather than take it for all', async () => {
    await expect(client.listBots({ filter: { phases: [BotPhase.UNSPECIFIED] } })).rejects.toThrow(/phase/i);
  });

  it('shows a bot that came since, half a second later at most', async () => {
    const id = newBotId();
    await client.listBots({});
    await all().bots.insertOne(botDocument(id, { filePath: 'x', config: { name: 'late' } }));
    await until(async () => (await client.listBots({ filter: { text: id } })).total === 1, {
      timeoutMs: 2_000,
    });
    await all().bots.deleteOne({ id });
  });
});

describe('what is done to a bot', () => {
  it('holds, starts, restarts and releases it, each told in words, on record and done once for each key', async () => {
    const [, , , , , id = ''] = ids;
    const keyed = { id, change: { ...change, idempotencyKey: 'k1' } };
    const held = await client.stopBot(keyed);
    expect(held).toMatchObject({ changed: true, bot: { id, hold: { why: 'incident 7' } } });
    const again = await client.stopBot(keyed);
    expect(again).toMatchObject({ changed: true, outcome: held.outcome });
    expect((await client.holdBot({ id, change })).changed).toBe(false);
    const { who } = (await all().holds.findOne({ _id: id })) ?? {};
    expect(who).toMatch(/^operator-/);
    expect((await client.restartBot({ id, change })).changed).toBe(false);
    expect(await client.releaseBot({ id, change })).toMatchObject({ changed: true });
    expect(await client.restartBot({ id, change })).toMatchObject({
      changed: true,
      bot: { restart: { who } },
    });
    const audited = await all().audit.find({ target: id }).toArray();
    expect(audited.map(({ what, why, outcome }) => [what, why, outcome])).toContainEqual([
      'BotService/StopBot',
      'incident 7',
      'done',
    ]);
    expect(await all().bots.findOne({ id }, { projection: { _id: 0, enabled: 1 } })).toEqual({});
  });

  it('is refused without a reason, to a viewer, and for what is not there', async () => {
    const [id = ''] = ids;
    await expect(client.stopBot({ id })).rejects.toThrow(/change/);
    const viewer = clientOf(api, BotService, await api.token('viewer'));
    await expect(viewer.stopBot({ id, change })).rejects.toMatchObject({ code: Code.PermissionDenied });
    await expect(client.startBot({ id: 'none', change })).rejects.toMatchObject({ code: Code.NotFound });
    await expect(client.getBot({ id: 'none' })).rejects.toMatchObject({ code: Code.NotFound });
  });

  it('is explained', async () => {
    const [, , , , , , , id = ''] = ids;
    const { explanation } = await client.explainBot({ id });
    expect(explanation).toMatchObject({ id, health: expect.any(Number) as Explanation_Health });
    expect(explanation?.steps.map(({ kind }) => kind)).toContain('document');
    await expect(client.explainBot({ id: 'none' })).rejects.toMatchObject({ code: Code.NotFound });
  });

  it('restarts many, shows how far it is, and stops', async () => {
    const { bots, rolloutId } = await client.restartBots({ filter: { text: 'momentum' }, atOnce: 3, change });
    expect(bots).toBeGreaterThan(40);
    expect((await client.listRollouts({})).rollouts).toMatchObject([
      { id: rolloutId, state: RolloutState.WAITING, bots, atOnce: 3, wish: { why: 'incident 7' } },
    ]);
    expect(await client.stopRollout({ id: rolloutId, change })).toMatchObject({ changed: true });
    expect((await client.getRollout({ id: rolloutId })).rollout?.id).toBe(rolloutId);
    await expect(client.getRollout({ id: 'none' })).rejects.toMatchObject({ code: Code.NotFound });
    expect(await client.restartBots({ filter: { text: 'no such' }, change })).toMatchObject({
      bots: 0,
      rolloutId: '',
    });
  });
});
