import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Collections } from '../../infra/mongo/collections.ts';
import {
  ScheduleOrder,
  SchedulePhase,
  ScheduleService,
  type ListSchedulesRequestSchema,
  type Schedule,
} from '../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { compareKeys } from '../../producers/control/schedule-list/places.ts';
import { refusalOf, startInProcessApi, type InProcessApi } from '../support/api-in-process.ts';
import { addSchedule, second } from '../support/schedule-records.ts';
import { testServers } from '../support/servers.ts';

/** The list of schedules through the API, on records that no planner touches. */
let api: InProcessApi;
let all: Collections;
const client = () => api.client(ScheduleService);
const PHASES = ['active', 'active', 'active', 'paused', 'disabled', 'invalid', 'gone', 'pending'] as const;

beforeAll(async () => {
  api = await startInProcessApi(testServers().environment);
  all = api.connections.collections;
  // Each phase eight times, ids and names in no order, next times shared by many, and some without a name.
  for (let at = 0; at < 64; at += 1) {
    const phase = PHASES[at % PHASES.length] ?? 'active';
    await addSchedule(all, `s-${String((at * 37) % 64).padStart(2, '0')}`, phase, {
      ...(at % 5 === 0 ? {} : { name: `${at % 2 === 0 ? 'Grid' : 'arb'} ${(at * 11) % 64}` }),
      version: at % 9 === 0 ? '2.7.1' : '1.0.0',
      status: {
        failuresInRow: at % 8 < 2 && at % 3 === 0 ? 2 : at % 8 === 3 && at % 2 === 1 ? 1 : 0,
        ...(phase === 'active' ? { nextAt: second(60 * (at % 4)) } : {}),
      },
    });
  }
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
});

type Request = Omit<MessageInitShape<typeof ListSchedulesRequestSchema>, '$typeName'>;

/** All pages, one after the other, with `between` done after the first. */
async function pages(
  request: Request,
  size: number,
  between: () => Promise<unknown> = async () => undefined,
): Promise<{ ids: string[]; totals: number[]; schedules: Schedule[] }> {
  const found: { ids: string[]; totals: number[]; schedules: Schedule[] } = {
    ids: [],
    totals: [],
    schedules: [],
  };
  for (let token = '', first = true; first || token !== ''; first = false) {
    const page = await client().listSchedules({ ...request, page: { size, token } });
    expect(page.schedules.length).toBeLessThanOrEqual(size);
    found.schedules.push(...page.schedules);
    found.ids.push(...page.schedules.map(({ id }) => id));
    found.totals.push(page.total);
    token = page.nextToken;
    if (first) await between();
  }
  return found;
}

const RANKS: readonly SchedulePhase[] = [
  SchedulePhase.INVALID,
  SchedulePhase.GONE,
  SchedulePhase.PENDING,
  SchedulePhase.ACTIVE,
  SchedulePhase.PAUSED,
  SchedulePhase.DISABLED,
];

/** Each order as a person would say it, of what the API itself tells of each schedule. */
const KEYS = {
  [ScheduleOrder.UNSPECIFIED]: ({ phase, failuresInRow, id }: Schedule) => [
    phase === SchedulePhase.ACTIVE && failuresInRow > 0 ? 0.5 : RANKS.indexOf(phase),
    id,
  ],
  [ScheduleOrder.ID]: ({ id }: Schedule) => [id],
  [ScheduleOrder.NAME]: ({ name, id }: Schedule) => [name === '' ? null : name.toLowerCase(), id],
  [ScheduleOrder.NEXT]: ({ next, id }: Schedule) => [
    next === undefined ? null : timestampDate(next).getTime(),
    id,
  ],
};

describe('the list', () => {
  it.each([
    [ScheduleOrder.UNSPECIFIED, {}],
    [ScheduleOrder.ID, {}],
    [ScheduleOrder.NAME, {}],
    [ScheduleOrder.NEXT, {}],
    [ScheduleOrder.UNSPECIFIED, { failing: true }],
    [ScheduleOrder.ID, { phases: [SchedulePhase.PENDING, SchedulePhase.ACTIVE] }],
    [ScheduleOrder.NEXT, { phases: [SchedulePhase.PAUSED, SchedulePhase.ACTIVE], failing: true }],
    [ScheduleOrder.NEXT, { phases: [SchedulePhase.PENDING, SchedulePhase.DISABLED] }],
    [ScheduleOrder.NAME, { phases: [SchedulePhase.GONE, SchedulePhase.ACTIVE] }],
    [ScheduleOrder.UNSPECIFIED, { text: 'GRID' }],
    [ScheduleOrder.NEXT, { text: '2.7.1', phases: [SchedulePhase.ACTIVE, SchedulePhase.GONE] }],
    [ScheduleOrder.ID, { text: 's-3', failing: true }],
    [ScheduleOrder.ID, { text: '.*' }],
  ])(
    'in order %s of %j is whole, in order and counted, whatever the size of its pages',
    async (order, filter) => {
      const everything = (await client().listSchedules({ page: { size: 1000 } })).schedules;
      expect(everything).toHaveLength(64);
      const {
        phases = [],
        failing = false,
        text = '',
      } = filter as {
        phases?: SchedulePhase[];
        failing?: boolean;
        text?: string;
      };
      const has = (part: string): boolean => part.toLowerCase().includes(text.toLowerCase());
      const key = KEYS[order];
      const expected = everything
        .filter(({ phase }) => phases.length === 0 || phases.includes(phase))
        .filter(({ failuresInRow }) => !failing || failuresInRow > 0)
        .filter(({ id, name, version }) => [id, name, version].some(has))
        .sort((one, other) => compareKeys(key(one), key(other)))
        .map(({ id }) => id);
      if (text !== '.*') expect(expected.length).toBeGreaterThan(1);
      for (const size of [1, 3, 64, 1000]) {
        const { ids, totals } = await pages({ filter, order }, size);
        expect(ids).toEqual(expected);
        expect(new Set(totals)).toEqual(new Set([expected.length]));
      }
    },
  );

  it('counts all that match, by phase', async () => {
    const { counts, total } = await client().listSchedules({ page: { size: 1 } });
    expect(total).toBe(64);
    expect(counts.map(({ phase, count }) => [SchedulePhase[phase], count])).toEqual([
      ['ACTIVE', 24],
      ['PENDING', 8],
      ['PAUSED', 8],
      ['DISABLED', 8],
      ['INVALID', 8],
      ['GONE', 8],
    ]);
  });

  it.each([ScheduleOrder.UNSPECIFIED, ScheduleOrder.ID, ScheduleOrder.NAME, ScheduleOrder.NEXT])(
    'in order %s has each that stays on one page only, though others come and go meanwhile',
    async (order) => {
      const before = (await pages({ order }, 1000)).ids;
      const [gone = ''] = before.slice(-1);
      const document = await all.schedules.findOne({ id: gone });
      const status = await all.scheduleStatus.findOne({ _id: gone });
      try {
        const { ids } = await pages({ order }, 7, async () => {
          for (const id of ['a-first', 's-33b', 'z-last'])
            await addSchedule(all, id, 'active', { name: `Grid ${id}` });
          await addSchedule(all, 'a-trouble', 'invalid');
          await all.schedules.deleteOne({ id: gone });
          await all.scheduleStatus.deleteOne({ _id: gone });
        });
        const staying = before.filter((id) => id !== gone);
        expect(ids.filter((id) => before.includes(id))).toEqual(staying);
        expect(new Set(ids).size).toBe(ids.length);
      } finally {
        const added = ['a-first', 's-33b', 'z-last', 'a-trouble'];
        await all.schedules.deleteMany({ id: { $in: added } });
        await all.scheduleStatus.deleteMany({ _id: { $in: added } });
        if (document !== null) await all.schedules.insertOne(document);
        if (status !== null) await all.scheduleStatus.insertOne(status);
      }
    },
  );

  it('refuses a page token of another query, and one that somebody made up, and names the field', async () => {
    const { nextToken: token } = await client().listSchedules({ page: { size: 3 } });
    const refused = { status: 'InvalidArgument', code: 'invalid_request', field: 'page.token' };
    for (const other of [
      { order: ScheduleOrder.ID },
      { filter: { failing: true } },
      { filter: { phases: [SchedulePhase.ACTIVE] } },
      { filter: { text: 'x' } },
    ]) {
      const refusal = await refusalOf(client().listSchedules({ ...other, page: { size: 3, token } }));
      expect(refusal).toMatchObject(refused);
      expect(refusal.message).toMatch(/another filter or order: repeat the query that gave it/);
    }
    expect(await refusalOf(client().listSchedules({ page: { token: 'bm9uc2Vuc2U' } }))).toMatchObject(
      refused,
    );
    // Pages of another size are of the same query.
    expect((await client().listSchedules({ page: { size: 5, token } })).schedules).toHaveLength(5);
  });

  it('takes any text for what it is', async () => {
    for (const text of ['(', '[a-', '\\', '.*', '$', '\0', '{1}', 's-\\d'])
      expect((await client().listSchedules({ filter: { text } })).schedules, text).toEqual([]);
  });

  it('reads about as much as it shows', async () => {
    const db = all.scheduleStatus.db;
    for (let at = 0; at < 400; at += 1)
      await addSchedule(all, `t-${at}`, 'active', { status: { nextAt: second(100_000 + at) } });
    const profiled = async (request: Request): Promise<number> => {
      await db.command({ profile: 2 });
      try {
        await client().listSchedules(request);
      } finally {
        await db.command({ profile: 0 });
      }
      const looks = await db.collection('system.profile').find({ op: 'query' }).toArray();
      await db.dropCollection('system.profile');
      expect(looks.filter((look) => look['hasSortStage'] === true)).toEqual([]);
      return looks.reduce((sum, look) => sum + Number(look['docsExamined']), 0);
    };
    try {
      const { nextToken: token } = await client().listSchedules({
        order: ScheduleOrder.NEXT,
        page: { size: 30 },
      });
      expect(await profiled({ page: { size: 5 } })).toBeLessThanOrEqual(40);
      expect(await profiled({ order: ScheduleOrder.NEXT, page: { size: 5 } })).toBeLessThanOrEqual(40);
      expect(await profiled({ order: ScheduleOrder.NEXT, page: { size: 5, token } })).toBeLessThanOrEqual(40);
    } finally {
      await all.schedules.deleteMany({ id: /^t-/ });
      await all.scheduleStatus.deleteMany({ _id: /^t-/ });
    }
  });
});
