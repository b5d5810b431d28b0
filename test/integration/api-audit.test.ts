import { afterAll, beforeAll, expect, it } from 'vitest';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { ObjectId } from 'mongodb';
import type { AuditDocument } from '../../infra/mongo/collections.ts';
import { BotService } from '../../proto/gen/the0/runtime/v1/bots_pb.js';
import { EventService } from '../../proto/gen/the0/runtime/v1/events_pb.js';
import { refusalOf, startInProcessApi, type InProcessApi } from '../support/api-in-process.ts';
import { testServers } from '../support/servers.ts';

/** Who did what, as the API tells it. */
const servers = testServers();
let api: InProcessApi;

beforeAll(async () => {
  api = await startInProcessApi(servers.environment);
});
afterAll(() => api?.[Symbol.asyncDispose]());

const events = () => api.client(EventService);

it('tells of an act who, in which role, what, why, and what came of it', async () => {
  const bots = api.client(BotService, 'cleo');
  await refusalOf(bots.stopBot({ id: 'nobody', change: { reason: 'incident 12' } }));
  const { entries } = await events().listAudit({ target: 'nobody' });
  expect(entries).toMatchObject([
    {
      who: 'cleo',
      role: 'admin',
      what: 'BotService/StopBot',
      target: 'nobody',
      why: 'incident 12',
      outcome: 'bot_not_found',
    },
  ]);
  expect(entries[0]?.message).toContain('There is no bot "nobody"');
  expect(entries[0]?.at).toBeDefined();
  expect(entries[0]?.endedAt).toBeDefined();
});

it('gives pages, newest first, each entry once although many are of one moment and more come meanwhile', async () => {
  const at = new Date(Date.now() - 60_000);
  await insert(Array.from({ length: 25 }, (_, n) => ({ at, why: `act ${n}`, target: 'paged' })));
  const seen: string[] = [];
  let token = '';
  for (let page = 0; page < 5; page += 1) {
    const answer = await events().listAudit({ target: 'paged', page: { size: 10, token } });
    seen.push(...answer.entries.map(({ why }) => why));
    token = answer.nextToken;
    if (token === '') break;
    await insert([{ at: new Date(), why: 'later', target: 'paged' }]);
  }
  expect(seen).toHaveLength(25);
  expect(new Set(seen).size).toBe(25);
  expect(seen).not.toContain('later');
});

it('is filtered by who, what and time', async () => {
  const atMs = Date.now() - 3_600_000;
  await insert(
    ['ann', 'bob'].flatMap((who) =>
      ['BotService/StopBot', 'RunService/RunNow'].map((what, n) => ({
        who: `filter-${who}`,
        what,
        at: new Date(atMs + n * 1_000),
        target: 'filtered',
      })),
    ),
  );
  const found = async (request: Parameters<ReturnType<typeof events>['listAudit']>[0]) =>
    (await events().listAudit(request)).entries.map(({ who, what }) => `${who} ${what}`);
  expect(await found({ who: 'filter-ann' })).toEqual([
    'filter-ann RunService/RunNow',
    'filter-ann BotService/StopBot',
  ]);
  expect(await found({ what: 'RunService/RunNow', target: 'filtered' })).toHaveLength(2);
  const from = timestampFromDate(new Date(atMs + 1_000));
  expect(await found({ target: 'filtered', to: from, who: 'filter-bob' })).toEqual([
    'filter-bob BotService/StopBot',
  ]);
  expect(await found({ target: 'filtered', from, who: 'filter-bob' })).toEqual([
    'filter-bob RunService/RunNow',
  ]);
});

it('refuses a page token of another query, and one that is none', async () => {
  const { nextToken } = await events().listAudit({ target: 'paged', page: { size: 1 } });
  for (const [token, request] of [
    [nextToken, { target: 'paged', who: 'ann' }],
    ['garbage', { target: 'paged' }],
  ] as const)
    expect(await refusalOf(events().listAudit({ ...request, page: { token } }))).toMatchObject({
      status: 'InvalidArgument',
      field: 'page.token',
    });
});

const insert = (entries: readonly Partial<AuditDocument>[]): Promise<unknown> =>
  api.connections.collections.audit.insertMany(
    entries.map((entry) => ({
      _id: new ObjectId(),
      at: new Date(),
      who: 'ann',
      role: 'operator',
      what: 'BotService/StopBot',
      target: '',
      why: 'test',
      outcome: 'done',
      ...entry,
    })),
  );
