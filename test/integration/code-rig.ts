import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { MongoClient } from 'mongodb';
import { extract } from 'tar-stream';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { ContainerSpec, Engine } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { S3Client, s3Options, type S3Options } from '../../infra/s3/client.ts';
import { codeLimits, CodeStore, type Code, type CodeStoreOptions } from '../../processors/code/store.ts';
import { buildZip, type Part } from '../fixtures/archives/zip-bytes.ts';
import { testEngine, testServers } from '../support/servers.ts';

const HELPER_IMAGES = ['python:3.11-slim', 'bbtest:1'];
const MB = 1024 * 1024;

export const NOTHING = { volumes: [], containers: [] };

type Found = { mode: number; owner: string; type: string; content: string };
type TarEntry = NodeJS.ReadableStream & {
  header: { name: string; mode: number; uid: number; gid: number; type: string };
};

/** Code stores on real S3, MongoDB and Docker, emptied after each case. Call it at the top of a test file. */
export class CodeRig {
  readonly #servers = testServers();
  readonly installation = this.#servers.installation;
  readonly bucket = this.#servers.codeBucket;
  readonly settings = loadSettings({ ...this.#servers.environment, LOG_LEVEL: 'silent' });
  readonly s3Options: S3Options = s3Options(this.settings);
  readonly s3 = new S3Client(this.s3Options);
  readonly #log = createLogger({ level: 'silent', service: 'test' });
  readonly engine: Engine = createDockerEngine({
    installation: this.installation,
    log: this.#log,
    dockerHost: testEngine(),
  });
  readonly #mongo = new MongoClient(this.#servers.mongoUri);
  readonly volumes: Collections['codeVolumes'] = collections(this.#mongo, this.#servers.databases)
    .codeVolumes;
  engineId = '';
  /** Of the helper containers. */
  image = '';
  temporaryFolder = '';
  #uploads = 0;

  constructor() {
    beforeAll(() => this.#open());
    afterEach(() => this.#clear());
    afterAll(() => this.#close());
  }

  store(more: Partial<CodeStoreOptions> = {}): CodeStore {
    const { s3, bucket, engine, engineId, volumes, temporaryFolder } = this;
    const limits = codeLimits(this.settings);
    return new CodeStore({
      s3,
      bucket,
      engine,
      engineId,
      volumes,
      limits,
      log: this.#log,
      temporaryFolder,
      recentMs: 0,
      ...more,
    });
  }

  /** Each time a new key; without `parts` the content is new too. */
  async upload(parts?: readonly Part[]): Promise<string> {
    this.#uploads += 1;
    const key = `user/bot/${this.#uploads}.0.0`;
    const content = parts ?? [{ name: 'main.py', data: `print(${this.#uploads})\n` }];
    await this.s3.put(this.bucket, key, buildZip(content), { contentType: 'application/zip' });
    return key;
  }

  /** Stores the code of a key with the default store. */
  ensure(filePath: string, executablePaths: readonly string[] = []): Promise<Code> {
    return this.store().ensure({ filePath, executablePaths, image: this.image });
  }

  /** All that this installation has on the engine. */
  async names(): Promise<{ volumes: string[]; containers: string[] }> {
    const [volumes, containers] = [await this.engine.listVolumes(), await this.engine.list()];
    return { volumes: volumes.map(({ name }) => name), containers: containers.map(({ name }) => name) };
  }

  /** Creates a container that mounts a volume and is never started. */
  createHolder(name: string, kind: ContainerSpec['kind'], volume: string): Promise<string> {
    return this.engine.create({
      name: `${this.installation}_${name}`,
      kind,
      image: this.image,
      command: ['true'],
      workingDir: '/',
      env: {},
      labels: {},
      limits: { memoryBytes: 16 * MB, cpus: 0.1, cpuShares: 2, pids: 8, nofile: 64, nproc: 64, shmBytes: MB },
      volumes: [{ volume, path: '/code', readOnly: true, labels: {} }],
      tmpfs: [],
      network: 'none',
    });
  }

  /** What a bot would find, by path; the code folder itself is `''`. */
  async mounted(code: Code): Promise<Map<string, Found>> {
    const id = await this.createHolder('reader', 'helper', code.volume);
    const found = new Map<string, Found>();
    const tar = (await this.engine.readArchive(id, '/code')).pipe(extract());
    for await (const entry of tar as unknown as AsyncIterable<TarEntry>) {
      const { name, mode, uid, gid, type } = entry.header;
      const path = name.replace(/^code\/?/, '').replace(/\/$/, '');
      found.set(path, { mode: mode & 0o7777, owner: `${uid}:${gid}`, type, content: await text(entry) });
    }
    await this.engine.remove(id, { force: true });
    return found;
  }

  async #open(): Promise<void> {
    this.temporaryFolder = await mkdtemp(join(tmpdir(), 'code-store-'));
    await this.#mongo.connect();
    this.engineId = (await this.engine.identify()).id;
    await this.s3.ensureBucket(this.bucket);
    for (const reference of HELPER_IMAGES) this.image ||= (await this.engine.resolveImage(reference)) ?? '';
    if (this.image === '')
      throw new Error(`None of the images ${HELPER_IMAGES.join(', ')} is there: npm run images`);
  }

  async #clear(): Promise<void> {
    for (const { id } of await this.engine.list()) await this.engine.remove(id, { force: true });
    for (const { name } of await this.engine.listVolumes()) await this.engine.removeVolume(name);
    await this.volumes.deleteMany({});
    // Whatever a case did: no archive stays on this host's disk.
    expect(await readdir(this.temporaryFolder)).toEqual([]);
  }

  async #close(): Promise<void> {
    this.s3[Symbol.dispose]();
    await this.#mongo.db(this.#servers.databases.runtime).dropDatabase();
    await this.#mongo.close();
    await this.engine[Symbol.asyncDispose]();
    await rm(this.temporaryFolder, { recursive: true, force: true });
  }
}
