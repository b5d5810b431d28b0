import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Collections } from '../../infra/mongo/collections.ts';
import { RUN_STATES, type Run as RunRecord } from '../../model/runs.ts';
import { RunService, RunState, type ListRunsRequestSchema } from '../../proto/gen/the0/runtime/v1/runs_pb.js';
import { refusalOf, startInProcessApi, type InProcessApi } from '../support/api-in-process.ts';
import { addRun, addSchedule, second } from '../support/schedule-records.ts';
import { testServers } from '../support/servers.ts';

/** The list of runs through the API, on records that no processor touches. */
let api: InProcessApi;
let all: Collections;
const client = () => api.client(RunService);

beforeAll(async () => {
  api = await startInProcessApi(testServers().environment);
  all = api.connections.collections;
  // At each of four times a run of ten schedules, in all states.
  for (let at = 0; at < 40; at += 1)
    await addRun(
      all,
      `r-${(at * 7) % 10}@${String(at).padStart(2, '0')}`,
      60 * Math.floor(at / 10),
      RUN_STATES[at % RUN_STATES.length] ?? 'queued',
    );
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
});

type Request = Omit<MessageInitShape<typeof ListRunsRequestSchema>, '$typeName'>;

async function pages(
  request: Request,
  size: number,
  between: () => Promise<unknown> = async () => undefined,
): Promise<string[]> {
  const ids: string[] = [];
  for (let token = '', first = true; first || token !== ''; first = false) {
    const { runs, nextToken } = await client().listRuns({ ...request, page: { size, token } });
    expect(runs.length).toBeLessThanOrEqual(size);
    ids.push(...runs.map(({ id }) => id));
    token = nextToken;
    if (first) await between();
  }
  return ids;
}

/** As the records say, without a query. */
async function expected(keep: (run: RunRecord) => boolean): Promise<string[]> {
  const runs = await all.runs.find().toArray();
  return runs
    .filter(keep)
    .sort((one, other) => other.nominal.getTime() - one.nominal.getTime() || (one._id < other._id ? 1 : -1))
    .map(({ _id }) => _id);
}

describe('the list', () => {
  const at = (seconds: number) => timestampFromDate(second(seconds));
  it.each<[string, Request, (run: RunRecord) => boolean]>([
    ['all', {}, () => true],
    ['one schedule', { schedule: 'r-3' }, ({ scheduleId }) => scheduleId === 'r-3'],
    [
      'some states',
      { states: [RunState.FAILED, RunState.RUNNING, RunState.RETRYING, RunState.SKIPPED] },
      ({ state }) => ['failed', 'running', 'retrying', 'skipped'].includes(state),
    ],
    [
      'one schedule in some states',
      { schedule: 'r-4', states: [RunState.SUCCEEDED, RunState.QUEUED] },
      ({ scheduleId, state }) => scheduleId === 'r-4' && ['succeeded', 'queued'].includes(state),
    ],
    [
      'a span',
      { from: at(60), to: at(180) },
      ({ nominal }) => nominal >= second(60) && nominal < second(180),
    ],
    [
      'some states from a time on',
      { from: at(60), states: [RunState.TIMED_OUT, RunState.PREPARING] },
      ({ nominal, state }) => nominal >= second(60) && ['timed-out', 'preparing'].includes(state),
    ],
  ])('of %s is whole and in order, whatever the size of its pages', async (_of, request, keep) => {
    const ids = await expected(keep);
    for (const size of [1, 4, 7, 1000]) expect(await pages(request, size)).toEqual(ids);
  });

  it('has each run on one page only, though a thousand schedules run at the same second meanwhile', async () => {
    const before = await expected(() => true);
    const ids = await pages({}, 6, async () => {
      for (let more = 0; more < 30; more += 1) {
        await addRun(all, `new-${more}@x`, 60 * (more % 5), 'queued');
        await addRun(all, `a-${more}@x`, 60 * (more % 5), 'succeeded');
      }
    });
    await all.runs.deleteMany({ _id: /@x$/ });
    expect(ids.filter((id) => before.includes(id))).toEqual(before);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('reads about as much as it shows, however many runs share a time', async () => {
    for (let more = 0; more < 300; more += 1) await addRun(all, `many-${more}@y`, 600, 'succeeded');
    const db = all.runs.db;
    try {
      for (const request of [{}, { states: [RunState.SUCCEEDED, RunState.FAILED] }]) {
        const { nextToken: token } = await client().listRuns({ ...request, page: { size: 150 } });
        await db.command({ profile: 2 });
        await client().listRuns({ ...request, page: { size: 5, token } });
        await db.command({ profile: 0 });
        const looks = await db.collection('system.profile').find({ op: 'query' }).toArray();
        await db.dropCollection('system.profile');
        const examined = looks.reduce((sum, look) => sum + Number(look['docsExamined']), 0);
        // Twice: the rest of one time, and what is before it.
        expect(examined).toBeLessThanOrEqual(2 * 8);
        expect(looks.filter((look) => look['hasSortStage'] === true)).toEqual([]);
      }
    } finally {
      await db.command({ profile: 0 });
      await all.runs.deleteMany({ _id: /@y$/ });
    }
  });

  it('refuses a page token of another query', async () => {
    const { nextToken: token } = await client().listRuns({ page: { size: 3 } });
    for (const other of [{ schedule: 'r-1' }, { states: [RunState.FAILED] }, { from: at(0) }])
      expect(await refusalOf(client().listRuns({ ...other, page: { token } }))).toMatchObject({
        status: 'InvalidArgument',
        field: 'page.token',
      });
  });

  it('of a schedule that does not exist says so, and of one that is gone has what it left', async () => {
    expect(await refusalOf(client().listRuns({ schedule: 'nobody' }))).toMatchObject({
      status: 'NotFound',
      code: 'schedule_not_found',
      field: 'schedule',
    });
    await addSchedule(all, 'quiet', 'active');
    expect((await client().listRuns({ schedule: 'quiet' })).runs).toEqual([]);
    expect((await client().listRuns({ schedule: 'r-1' })).runs).toHaveLength(4);
  });
});
