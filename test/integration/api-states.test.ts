import { UnrecoverableError } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateOperations } from '../../cli/api/state-operations.ts';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import { StateService } from '../../proto/gen/the0/runtime/v1/state_pb.js';
import { stateService } from '../../producers/control/api/state-service.ts';
import { refusalOf, startInProcessApi, type InProcessApi } from '../support/api-in-process.ts';
import { until } from '../support/poll.ts';
import { workOn } from '../support/queue-work.ts';
import { StateWorld } from './state-world.ts';

/** States through the API, on archives of bots whose volumes a fake engine has. */
let world: StateWorld;
let api: InProcessApi;
const ID = 'api-bot';
const change = { reason: 'test' };
const client = (who?: string) => api.client(StateService, who);
const environment = (more: Record<string, string> = {}): Record<string, string> => ({
  ...world.servers.environment,
  S3_STATE_BUCKET: world.bucket,
  ...more,
});

beforeAll(async () => {
  world = await StateWorld.open(async ({ installation }) => {
    const engine = createFakeEngine({ installation, images: ['test:1'] });
    return { engine, image: (await engine.resolveImage('test:1')) ?? '' };
  });
  api = await startInProcessApi(environment());
  await world.restore(ID);
  for (const count of ['1', '2']) {
    await world.write(ID, {
      '.the0-state/count.json': count,
      '.the0-state/pairs.json': '["BTC"]',
      'own.txt': 'own',
    });
    await world.save(ID);
  }
  await until(() => api.connections.queues().catch(() => undefined));
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

const state = async (id = ID) => (await client().getState({ id })).state;

describe('a state', () => {
  it('is told of whole: keys, earlier archives, when it was saved, and none of its values', async () => {
    const found = await state();
    expect(found).toMatchObject({
      id: ID,
      archive: { files: 3, keys: [{ key: 'count' }, { key: 'pairs' }] },
      unreadable: '',
      problems: [],
    });
    expect(found?.earlier).toHaveLength(1);
    expect(found?.savedAt).toBeDefined();
    expect(Number(found?.archive?.bytes)).toBeGreaterThan(50);
  });

  it('that cannot be read is told of as that, with the earlier archives', async () => {
    await world.restore('broken');
    await world.write('broken', { 'a.txt': 'a' });
    await world.save('broken');
    await world.write('broken', { 'a.txt': 'b' });
    await world.save('broken');
    await world.platformPuts('broken', Buffer.from('no archive at all'));
    const found = await state('broken');
    expect(found?.archive).toBeUndefined();
    expect(found?.unreadable).toMatch(/^Its state archive/);
    expect(found?.earlier).toHaveLength(1);
    expect(await refusalOf(client().deleteState({ id: 'broken', key: 'x', change }))).toMatchObject({
      status: 'FailedPrecondition',
      code: 'bad_state',
    });
    const { outcome } = await client().restoreState({ id: 'broken', change });
    expect(outcome).toContain('broken has its archive');
    expect(await world.archive('broken')).toMatchObject({ 'a.txt': 'a' });
  });

  it('of a bot that has kept nothing is empty; of no bot at all it is not found', async () => {
    await world.all.bots.insertOne({ id: 'fresh' });
    expect(await state('fresh')).toMatchObject({ id: 'fresh', earlier: [], unreadable: '' });
    for (const id of ['nobody', '../api-bot', 'a/b', `.history/${ID}`])
      expect(await refusalOf(client().getState({ id })), id).toMatchObject({
        status: 'NotFound',
        code: 'bot_or_schedule_not_found',
        field: 'id',
      });
    const missing = [
      ['bot_or_schedule_not_found', () => client().saveState({ id: 'nobody', change })],
      ['archive_not_found', () => client().restoreState({ id: ID, archive: 'none', change })],
      ['archive_not_found', () => client().restoreState({ id: ID, archive: '../../x', change })],
      ['key_not_found', () => client().deleteState({ id: ID, key: 'none', change })],
      ['state_not_found', () => client().deleteState({ id: 'nobody', key: 'none', change })],
      ['state_not_found', () => client().deleteState({ id: 'nobody', change })],
    ] as const;
    for (const [code, call] of missing)
      expect(await refusalOf(call())).toMatchObject({ status: 'NotFound', code });
    expect(await refusalOf(client().restoreState({ id: 'fresh', change }))).toMatchObject({
      status: 'FailedPrecondition',
      code: 'no_earlier_archive',
    });
  });
});

describe('changes', () => {
  it('delete a key, put an earlier archive back, delete all of it, in whose name it is asked', async () => {
    await client().deleteState({ id: ID, key: 'pairs', change });
    expect(Object.keys((await world.archive(ID)) ?? {})).not.toContain('.the0-state/pairs.json');
    const [, first] = (await state())?.earlier ?? [];
    await client().restoreState({ id: ID, archive: first?.name ?? '', change });
    expect(await world.archive(ID)).toMatchObject({ '.the0-state/count.json': '1' });
    const { outcome } = await client('bob').deleteState({ id: ID, change });
    expect(outcome).toContain(`The state of ${ID} is deleted`);
    expect(await world.archive(ID)).toBeUndefined();
    expect((await world.all.botState.findOne({ _id: ID }))?.discard).toMatchObject({ who: 'bob' });
    expect((await state())?.deletedAt).toBeDefined();
    // It was kept among the earlier ones.
    await client().restoreState({ id: ID, change });
    expect(await world.archive(ID)).toMatchObject({ '.the0-state/count.json': '1' });
  });

  it('of two operators at once are made one after the other, or one is told to ask again', async () => {
    await world.platformPuts('both', {
      '.the0-state/a.json': '1',
      '.the0-state/b.json': '2',
      '.the0-state/c.json': '3',
    });
    const answers = await Promise.allSettled(
      ['a', 'b'].map((key) => client(key).deleteState({ id: 'both', key, change })),
    );
    const done = answers.filter(({ status }) => status === 'fulfilled').length;
    const left = Object.keys((await world.archive('both')) ?? {}).filter((path) => path.endsWith('.json'));
    expect(left).toHaveLength(3 - done);
    expect(done).toBeGreaterThan(0);
    for (const answer of answers)
      if (answer.status === 'rejected')
        expect(await refusalOf(Promise.reject(answer.reason as Error))).toMatchObject({
          status: 'Aborted',
          code: 'state_changed',
        });
  });
});

describe('save', () => {
  it('is done by a processor, and its answer is told', async () => {
    await using _worker = workOn(world.servers, 'state-sync', async () => undefined);
    const { outcome } = await client().saveState({ id: ID, change });
    expect(outcome).toBe('done');
  });

  it('says why it was not done', async () => {
    await using _worker = workOn(world.servers, 'state-sync', () =>
      Promise.reject(new UnrecoverableError('the engine is full')),
    );
    expect(await refusalOf(client().saveState({ id: ID, change }))).toMatchObject({
      status: 'FailedPrecondition',
      code: 'state_not_saved',
      message: expect.stringContaining('the engine is full') as string,
    });
  });

  it('says that no processor does it', async () => {
    // In haste: where one does it, a slow machine may take longer.
    await using hasty = await startInProcessApi(environment(), (connections) => ({
      state: stateService({
        collections: connections.collections,
        operations: stateOperations(connections, { saveWithinMs: 1_500 }),
      }),
    }));
    await until(() => hasty.connections.queues().catch(() => undefined));
    expect(await refusalOf(hasty.client(StateService).saveState({ id: ID, change }))).toMatchObject({
      status: 'Unavailable',
      code: 'processors_unavailable',
      dependency: 'processors',
      message: expect.stringContaining('see whether a processor runs') as string,
    });
    await (await api.connections.queues()).data.byName['state-sync'].obliterate({ force: true });
  });
});

describe('the list', () => {
  it('is by id, whole whatever the size of its pages, and refuses another list’s token', async () => {
    for (let at = 0; at < 9; at += 1)
      await world.all.botState.insertOne({
        _id: `list-${at}`,
        bytes: 10 + at,
        files: at,
        problems: at === 3 ? ['a is a socket', 'b is one'] : [],
        updatedAt: new Date(),
        ...(at === 4 ? { overLimit: { reason: 'It is too large', at: new Date() } } : {}),
      });
    const whole = (await client().listStates({})).states;
    expect(whole.length).toBeGreaterThanOrEqual(11);
    const ids = whole.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted());
    expect(whole.find(({ id }) => id === 'list-3')).toMatchObject({
      bytes: 13n,
      files: 3,
      problems: 2,
      overLimit: '',
    });
    expect(whole.find(({ id }) => id === 'list-4')?.overLimit).toBe('It is too large');
    const found: string[] = [];
    for (let token = '', first = true; first || token !== ''; first = false) {
      const page = await client().listStates({ page: { size: 2, token } });
      found.push(...page.states.map(({ id }) => id));
      token = page.nextToken;
      if (first) await world.all.botState.insertOne({ _id: 'a-newcomer', updatedAt: new Date() });
    }
    expect(found).toEqual(ids);
    expect(await refusalOf(client().listStates({ page: { token: 'x' } }))).toMatchObject({
      field: 'page.token',
    });
  });
});

describe('while servers are away', () => {
  it('S3: one state is not told of, the list is', async () => {
    await using lame = await startInProcessApi(environment({ S3_ENDPOINT: '127.0.0.1:1' }));
    const states = lame.client(StateService);
    expect((await states.listStates({})).states.length).toBeGreaterThan(1);
    expect(await refusalOf(states.getState({ id: ID }))).toMatchObject({
      status: 'Unavailable',
      code: 's3_unavailable',
      dependency: 's3',
    });
    // The deletion is taken back: the bot goes on with what it has.
    await world.all.botState.updateOne({ _id: ID }, { $unset: { discard: 1 } });
    expect(await refusalOf(states.deleteState({ id: ID, change }))).toMatchObject({ dependency: 's3' });
    expect((await world.all.botState.findOne({ _id: ID }))?.discard).toBeUndefined();
  });

  it('S3 without its bucket is told of too', async () => {
    await using lame = await startInProcessApi(environment({ S3_STATE_BUCKET: 'no-such-bucket' }));
    expect(await refusalOf(lame.client(StateService).getState({ id: ID }))).toMatchObject({
      status: 'Unavailable',
      dependency: 's3',
      message: expect.stringContaining('There is no bucket "no-such-bucket"') as string,
    });
  });

  it('Redis: nothing is saved, all else is told and done', async () => {
    await using lame = await startInProcessApi(environment({ REDIS_URL: 'redis://127.0.0.1:1' }));
    const states = lame.client(StateService);
    expect(await refusalOf(states.saveState({ id: ID, change }))).toMatchObject({
      status: 'Unavailable',
      dependency: 'redis',
    });
    expect((await states.getState({ id: ID })).state?.archive?.files).toBeGreaterThan(0);
  });
});
