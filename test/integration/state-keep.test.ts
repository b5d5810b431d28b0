import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerView, Engine } from '../../infra/engine/port.ts';
import { LeaseStore } from '../../infra/lease-store.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections, type BotStateDocument, type Collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { LABEL } from '../../model/labels.ts';
import { createKeeping } from '../../processors/keep.ts';
import type { Keeping } from '../../processors/keeping.ts';
import type { SaveResult } from '../../processors/state/keeper.ts';
import { Allowances } from '../../processors/state/watch-allowances.ts';
import { StateVolumes } from '../../processors/state/watch-volumes.ts';
import type { EnqueueData } from '../../queues/data-queues.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
const log = createLogger({ level: 'silent', service: 'test' });
const mongo = connectMongo(servers.mongoUri, { appName: 'keep', log });
const signal = new AbortController().signal;
let all: Collections;
let keeping: Keeping;
const queued: EnqueueData[] = [];
const containers: ContainerView[] = [];
/** What the parts that do the work answer, and how often they were asked. */
const state = {
  save: async (): Promise<SaveResult> => ({ kind: 'unchanged', problems: [], again: false }),
  restoring: async (): Promise<void> => undefined,
  restored: 0,
  files: 0,
  queuesAway: false,
};

beforeAll(() => {
  all = collections(mongo.client, servers.databases);
  const engine = {
    installation: servers.installation,
    list: async () => containers,
    listFiles: async (names: readonly string[]) =>
      new Map(
        names.map((name) => [
          name,
          {
            files: Array.from({ length: state.files }, (_, n) => ({
              path: `f${n}`,
              type: 'file',
              bytes: 1,
              mtimeNs: '1',
              ctimeNs: '1',
              mode: 0o644,
            })),
            complete: true,
          },
        ]),
      ),
  } as unknown as Engine;
  const allowances = new Allowances({
    documents: [all.bots, all.schedules],
    operator: { stateMb: 1, stateFiles: 10 },
  });
  const { botState: states, bots, schedules, leases } = all;
  keeping = createKeeping({
    engine,
    output: async () => undefined,
    state: {
      isSettled: async () => false,
      save: () => state.save(),
      restore: async () => {
        state.restored += 1;
        await state.restoring();
      },
    },
    states,
    leases: new LeaseStore(leases),
    owner: 'test',
    volumes: new StateVolumes({ engine, states, bots, schedules, allowances, image: async () => 'image' }),
    allowances,
    saves: {
      add: async (items) => {
        if (state.queuesAway) throw new Error('Redis is away');
        queued.push(...items);
      },
    },
    now: () => new Date(),
    log,
  });
});
afterAll(() => mongo.close());
beforeEach(() => {
  queued.length = 0;
  containers.length = 0;
  Object.assign(state, {
    save: async () => ({ kind: 'unchanged', problems: [], again: false }),
    restoring: async () => undefined,
    restored: 0,
    files: 0,
    queuesAway: false,
  });
});

const onRecord = async (id: string, facts: Partial<BotStateDocument>): Promise<void> => {
  await all.botState.updateOne({ _id: id }, { $set: { ...facts, updatedAt: new Date() } }, { upsert: true });
};

const restore = (id: string, kind: 'bot' | 'run' | 'query', shared: boolean): Promise<void> =>
  keeping.restore(id, { id: `own-${id}`, spec: { kind } as never }, { nonce: 'n', shared, signal });

const view = (id: string, kind: string, containerState: ContainerView['state']): ContainerView => ({
  id: `other-${id}`,
  name: id,
  state: containerState,
  labels: { [LABEL.kind]: kind, [LABEL.id]: id },
  image: 'image',
});

describe('a state at its bot’s end', () => {
  it('that is saved leaves nothing to do', async () => {
    await keeping.state('b', signal);
    expect(queued).toEqual([]);
  });

  it.each([
    ['cannot be saved', () => Promise.reject(new Error('S3 is away'))],
    ['was in motion', () => Promise.resolve<SaveResult>({ kind: 'unchanged', problems: [], again: true })],
  ])('that %s is saved later, and nobody waits', async (_why, save) => {
    state.save = save;
    await keeping.state('b', signal);
    expect(queued).toMatchObject([{ queue: 'state-sync', job: { botId: 'b' } }]);
  });

  it('that there is no time for is saved later', async () => {
    await keeping.state('b', AbortSignal.abort(new Error('the processor is stopping')));
    expect(queued).toMatchObject([{ queue: 'state-sync', job: { botId: 'b' } }]);
  });

  it('costs nobody anything when Redis is away as well', async () => {
    state.save = () => Promise.reject(new Error('S3 is away'));
    state.queuesAway = true;
    await expect(keeping.state('b', signal)).resolves.toBeUndefined();
  });
});

describe('the verdict', () => {
  it('is fine for what is not on record, and for what is right', async () => {
    await onRecord('right', { etag: 'e' });
    expect(await keeping.verdict('nobody')).toEqual({ kind: 'fine' });
    expect(await keeping.verdict('right')).toEqual({ kind: 'fine' });
  });

  it('tells what the platform did before it tells of a limit', async () => {
    const overLimit = { reason: 'Its state takes 2Mi', at: new Date() };
    await onRecord('over', { overLimit });
    expect(await keeping.verdict('over')).toEqual({ kind: 'stop', reason: 'Its state takes 2Mi' });
    await onRecord('over', { platformEtag: 'e' });
    expect(await keeping.verdict('over')).toMatchObject({ kind: 'restart' });
    await onRecord('over', { platformEtag: null });
    expect((await keeping.verdict('over')) as object).toMatchObject({
      reason: expect.stringContaining('deleted its state') as string,
    });
  });

  it('tells what a person deleted before it tells of a limit, or of an archive that is gone with it', async () => {
    const overLimit = { reason: 'Its state takes 2Mi', at: new Date() };
    await onRecord('deleted', {
      overLimit,
      platformEtag: null,
      discard: { who: 'somebody', at: new Date() },
    });
    expect(await keeping.verdict('deleted')).toEqual({
      kind: 'restart',
      reason: expect.stringContaining('deleted by hand (somebody)') as string,
    });
  });
});

describe('a restore', () => {
  it('takes nothing from under a run that works with it', async () => {
    containers.push(view('s1', 'run', 'running'));
    await restore('s1', 'run', true);
    expect(state.restored).toBe(0);
  });

  it('does not rely on a container that never started, or that only asks', async () => {
    containers.push(
      view('s2', 'run', 'created'),
      view('s2', 'query', 'running'),
      view('s2', 'run', 'exited'),
    );
    await restore('s2', 'run', true);
    expect(state.restored).toBe(1);
  });

  it('for a query leaves it to a bot that is about to start', async () => {
    containers.push(view('b1', 'bot', 'created'));
    await restore('b1', 'query', true);
    expect(state.restored).toBe(0);
  });

  it('is done by one at a time where several may be at it', async () => {
    let [now, most] = [0, 0];
    state.restoring = async () => {
      most = Math.max(most, (now += 1));
      await new Promise((resolve) => setTimeout(resolve, 50));
      now -= 1;
    };
    await onRecord('s3', { restoring: true });
    await Promise.all([restore('s3', 'run', true), restore('s3', 'run', true), restore('s3', 'bot', false)]);
    expect(state.restored).toBe(3);
    expect(most).toBe(1);
  });

  it('measures what was too large, and holds back what still is', async () => {
    await onRecord('b2', { overLimit: { reason: 'Its state has more than 10 files', at: new Date() } });
    state.files = 11;
    await expect(restore('b2', 'bot', false)).rejects.toMatchObject({
      code: 'state_too_large',
      retryable: false,
    });
    state.files = 10;
    await restore('b2', 'bot', false);
    expect(await all.botState.findOne({ _id: 'b2' })).not.toHaveProperty('overLimit');
  });
});
