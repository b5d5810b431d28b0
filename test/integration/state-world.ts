import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import type { ContainerSpec, Engine } from '../../infra/engine/port.ts';
import { loadSettings } from '../../infra/config/load.ts';
import { collections, databaseNames, type Collections } from '../../infra/mongo/collections.ts';
import { S3Client, s3Options, type S3Options } from '../../infra/s3/client.ts';
import { LABEL } from '../../model/labels.ts';
import { stateVolumeName } from '../../model/names.ts';
import type { StateDeps } from '../../processors/state/deps.ts';
import { StateKeeper } from '../../processors/state/keeper.ts';
import { archiveKey } from '../../processors/state/keys.ts';
import { stateDeps } from '../support/state-deps.ts';
import { testServers, type TestServers } from '../support/servers.ts';
import { filesOf, tarGz, type Files } from '../support/state-archives.ts';

const MB = 2 ** 20;

/** Keeps states of made-up bots, on any engine, with the real servers. */
export class StateWorld implements AsyncDisposable {
  readonly servers: TestServers;
  readonly engine: Engine;
  readonly image: string;
  readonly s3: S3Client;
  readonly bucket: string;
  readonly all: Collections;
  readonly mongo: MongoClient;
  readonly keeper: StateKeeper;
  readonly signal = new AbortController().signal;
  readonly #deps: StateDeps;

  private constructor(servers: TestServers, engine: Engine, image: string, mongo: MongoClient) {
    const settings = loadSettings(servers.environment);
    this.servers = servers;
    this.engine = engine;
    this.image = image;
    this.mongo = mongo;
    this.bucket = `${servers.bucketPrefix}state`;
    this.s3 = new S3Client(s3Options(settings));
    this.all = collections(mongo, databaseNames(settings));
    this.#deps = stateDeps({ engine, image, s3: this.s3, bucket: this.bucket, all: this.all });
    this.keeper = new StateKeeper(this.#deps);
  }

  static async open(
    engineOf: (servers: TestServers) => Promise<{ engine: Engine; image: string }>,
  ): Promise<StateWorld> {
    const servers = testServers();
    const { engine, image } = await engineOf(servers);
    const mongo = await MongoClient.connect(servers.mongoUri);
    const world = new StateWorld(servers, engine, image, mongo);
    await world.s3.ensureBucket(world.bucket);
    return world;
  }

  /** The same with something changed, such as an S3 that is away. */
  keeperWith(changes: Partial<StateDeps>): StateKeeper {
    return new StateKeeper({ ...this.#deps, ...changes });
  }

  s3With(changes: Partial<S3Options>): S3Client {
    return new S3Client({ ...s3Options(loadSettings(this.servers.environment)), ...changes });
  }

  /** A container of the bot, created and not started. */
  async container(
    id: string,
    changes: Partial<ContainerSpec> = {},
  ): Promise<{ id: string; spec: ContainerSpec }> {
    const { installation } = this.engine;
    const spec: ContainerSpec = {
      name: `${installation}_bot_${randomBytes(4).toString('hex')}`,
      kind: 'bot',
      image: this.image,
      command: ['sh', '-c', 'sleep 600'],
      workingDir: '/',
      env: {},
      labels: { [LABEL.id]: id },
      limits: {
        // What the kernel keeps of each file that was just made counts as the container's, and some make a hundred thousand.
        memoryBytes: 512 * MB,
        cpus: 1,
        cpuShares: 512,
        pids: 64,
        nofile: 256,
        nproc: 4096,
        shmBytes: MB,
      },
      volumes: [
        {
          volume: stateVolumeName(installation, id),
          path: '/state',
          readOnly: false,
          labels: { [LABEL.id]: id },
        },
      ],
      tmpfs: [],
      network: 'none',
      ...changes,
    };
    return { id: await this.engine.create(spec), spec };
  }

  /** Restores into a container of its own, which is gone afterwards. */
  async restore(id: string, keeper = this.keeper): Promise<void> {
    const container = await this.container(id);
    try {
      await keeper.restore(id, container, { nonce: randomBytes(6).toString('hex'), signal: this.signal });
    } finally {
      await this.engine.remove(container.id, { force: true });
    }
  }

  save(id: string, keeper = this.keeper): ReturnType<StateKeeper['save']> {
    return keeper.save(id, this.signal);
  }

  /** Writes files as the bot would. */
  async write(id: string, files: Files): Promise<void> {
    const container = await this.container(id);
    await this.engine.writeArchive(container.id, '/state', await tarGz(files, { plain: true }));
    await this.engine.remove(container.id);
  }

  /** Files on the volume. */
  async volume(id: string): Promise<Record<string, string>> {
    const container = await this.container(id);
    try {
      const archive = await this.engine.readArchive(container.id, '/state');
      return await filesOf(archive as AsyncIterable<Buffer>, 'state/');
    } finally {
      await this.engine.remove(container.id);
    }
  }

  /** Files of the archive in S3; undefined where there is none. */
  async archive(id: string, key = archiveKey(id)): Promise<Record<string, string> | undefined> {
    const found = (await this.s3.list(this.bucket, key)).find((object) => object.key === key);
    if (found === undefined) return undefined;
    const { content } = await this.s3.conditional.read(this.bucket, key, { maxBytes: 2 ** 30 });
    return filesOf(content);
  }

  /** The platform writes an archive. */
  async platformPuts(id: string, content: Files | Buffer): Promise<void> {
    await this.s3.put(this.bucket, archiveKey(id), Buffer.isBuffer(content) ? content : await tarGz(content));
  }

  /** The volume is lost, as with another disk. */
  async loseVolume(id: string): Promise<void> {
    await this.engine.removeVolume(stateVolumeName(this.engine.installation, id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { id } of await this.engine.list()) await this.engine.remove(id, { force: true });
    for (const { name } of await this.engine.listVolumes()) await this.engine.removeVolume(name);
    await this.engine[Symbol.asyncDispose]();
    this.s3[Symbol.dispose]();
    await this.mongo.close();
  }
}
