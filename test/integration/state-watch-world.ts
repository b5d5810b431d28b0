import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import type { VolumeFile, VolumeListing } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { botLabels, LABEL, runLabels } from '../../model/labels.ts';
import { containerName, runContainerName, stateVolumeName } from '../../model/names.ts';
import { Allowances } from '../../processors/state/watch-allowances.ts';
import { BucketWatch } from '../../processors/state/watch-bucket.ts';
import { StateVolumes } from '../../processors/state/watch-volumes.ts';
import { StateWatch } from '../../processors/state/watch.ts';
import type { EnqueueData } from '../../queues/data-queues.ts';
import type { Enqueue } from '../../queues/queues.ts';
import { botDocument, newBotId } from '../support/bots.ts';
import { testServers } from '../support/servers.ts';

export const MB = 2 ** 20;
const IMAGE = 'python:3.11-slim';

export type WatchWorld = AsyncDisposable & {
  readonly engine: FakeEngine;
  readonly collections: Collections;
  readonly watch: StateWatch;
  readonly bucket: BucketWatch;
  /** What the bucket lists, by id. */
  readonly etags: Map<string, string>;
  /** Ids whose archive is being replaced by a save of ours. */
  readonly saving: Set<string>;
  /** What was asked for since the last call of this. */
  asked(): string[];
  /** Lets time pass for the watch. */
  pass(ms: number): void;
  /** A bot or a schedule's run, with its container up and its volume. */
  bot(config?: Record<string, unknown>): Promise<string>;
  run(config?: Record<string, unknown>): Promise<{ scheduleId: string; runId: string }>;
  end(id: string): Promise<void>;
  /** Sets what is on a volume. */
  files(
    id: string,
    sizes: Readonly<Record<string, number>>,
    options?: { complete?: boolean; unread?: true },
  ): void;
  /** What the operator allows from now on. */
  readonly limits: { maxBytes: number; maxFiles: number };
};

/** The watch on a fake engine whose volumes hold what a test says, with a real MongoDB, and queues that only tell. */
export async function openWatchWorld({ stateFiles = 50 } = {}): Promise<WatchWorld> {
  const servers = testServers();
  const { installation } = servers;
  const log = createLogger({ level: 'silent', service: 'test' });
  const mongo = connectMongo(servers.mongoUri, { appName: 'watch', log });
  const all = collections(mongo.client, servers.databases);
  const fake = createFakeEngine({ installation, images: [IMAGE] });
  const image = (await fake.resolveImage(IMAGE)) ?? '';
  const volumes = new Map<string, VolumeListing & { made: string }>();
  const engine: FakeEngine = {
    ...fake,
    listFiles: async (names) => new Map([...volumes].filter(([name]) => names.includes(name))),
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
  const etags = new Map<string, string>();
  const saving = new Set<string>();
  const jobs: string[] = [];
  let nowMs = 0;
  let touched = 0;

  const limits = { maxBytes: 100 * MB, maxFiles: stateFiles };
  const allowances = new Allowances({
    documents: [all.bots, all.schedules],
    operator: { stateMb: 100, stateFiles },
  });
  const stateVolumes = new StateVolumes({
    engine,
    states: all.botState,
    bots: all.bots,
    schedules: all.schedules,
    allowances,
    image: async () => image,
  });
  const queues = {
    add: async (items: readonly Enqueue[]) => {
      for (const { queue, job } of items) jobs.push(`${queue} ${job.botId}: ${job.cause}`);
    },
  };
  const bucket = new BucketWatch({
    volumes: stateVolumes,
    states: all.botState,
    allowances,
    limits,
    archives: {
      etags: async () => etags,
      examine: async (id) => {
        if (saving.has(id)) return { kind: 'ours', content: undefined, epoch: 0 };
        const platformEtag = etags.get(id) ?? null;
        await all.botState.updateOne({ _id: id }, { $set: { platformEtag } });
        return { kind: 'platform' };
      },
    },
    queues,
    now: () => new Date(),
    log,
  });
  const watch = new StateWatch({
    volumes: stateVolumes,
    states: all.botState,
    runs: all.runs,
    allowances,
    bucket,
    saves: {
      add: async (items: readonly EnqueueData[]) => {
        for (const { queue, job } of items) jobs.push(`${queue} ${job.botId}`);
      },
    },
    queues,
    policy: { checkEveryMs: 10_000, saveEveryMs: 30_000, platformEveryMs: 60_000 },
    clock: { now: () => new Date(), monotonicMs: () => nowMs },
    log,
  });

  const start = async (id: string, name: string, kind: 'bot' | 'run', labels: Record<string, string>) => {
    const volume = { volume: stateVolumeName(installation, id), path: '/state', readOnly: false };
    const container = await fake.create({
      name,
      kind,
      image,
      command: ['true'],
      workingDir: '/bot',
      env: {},
      labels,
      limits: {
        memoryBytes: 64 * MB,
        cpus: 1,
        cpuShares: 100,
        pids: 10,
        nofile: 100,
        nproc: 10,
        shmBytes: MB,
        logBytes: 3 * MB,
      },
      volumes: [{ ...volume, labels: { [LABEL.id]: id } }],
      tmpfs: [],
      network: 'none',
    });
    await fake.start(container);
  };
  const common = { entrypoint: 'main.py', runtime: 'python3.11', fingerprint: 'f', code: 'c' };

  return {
    engine,
    collections: all,
    watch,
    bucket,
    etags,
    saving,
    asked: () => jobs.splice(0),
    pass: (ms) => void (nowMs += ms),
    async bot(config = {}) {
      const id = newBotId();
      await all.bots.insertOne(botDocument(id, { filePath: 'x', config }));
      await all.botState.insertOne({ _id: id, updatedAt: new Date() });
      await start(
        id,
        containerName(installation, id),
        'bot',
        botLabels({ ...common, botId: id, token: 1, restarts: 0 }),
      );
      return id;
    },
    async run(config = {}) {
      const scheduleId = newBotId();
      const runId = `${scheduleId}@1`;
      await all.schedules.insertOne(botDocument(scheduleId, { filePath: 'x', config }));
      await all.botState.insertOne({ _id: scheduleId, updatedAt: new Date() });
      await all.runs.insertOne({
        _id: runId,
        scheduleId,
        kind: 'tick',
        nominal: new Date(),
        due: new Date(),
        state: 'running',
        reason: '',
        cause: 'tick',
        open: true,
        createdAt: new Date(),
        updatedAt: new Date(),
        attempt: 1,
        attempts: [],
      });
      await start(
        scheduleId,
        runContainerName(installation, runId),
        'run',
        runLabels({ ...common, scheduleId, runId, attempt: 1 }),
      );
      return { scheduleId, runId };
    },
    async end(id) {
      await fake.stop((await fake.inspect(containerName(installation, id)))?.id ?? '', 0);
    },
    limits,
    files(id, sizes, { complete = true, unread } = {}) {
      touched += 1;
      const files = Object.entries(sizes).map(([path, bytes]): VolumeFile => ({
        path,
        type: 'file',
        bytes,
        mtimeNs: `${touched}`,
        ctimeNs: `${touched}`,
        mode: 0o644,
      }));
      volumes.set(stateVolumeName(installation, id), {
        files,
        complete,
        made: '',
        ...(unread === undefined ? {} : { unread }),
      });
    },
    async [Symbol.asyncDispose]() {
      await fake[Symbol.asyncDispose]();
      await mongo.close();
    },
  };
}
