import { createHash, randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { loadSettings } from '../../infra/config/load.ts';
import { containerName } from '../../model/names.ts';
import { StateRecords } from '../../processors/state/records.ts';
import { PATHS } from '../../processors/entrypoints/paths.ts';
import { tarOf } from '../../processors/entrypoints/tar.ts';
import { botDocument, newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { startTestProcessor, startTestRunner, type TestRunner } from '../support/runner.ts';
import { testServers } from '../support/servers.ts';
import { filesOf, tarGz } from '../support/state-archives.ts';

// The whole of it, as roles run it: bots on a fake engine, their state on its volumes, and the platform at the bucket.
const servers = testServers();
const bucket = `${servers.installation}-state`;
const engine: FakeEngine = createFakeEngine({
  installation: servers.installation,
  images: ['python:3.11-slim'],
});
const environment = {
  ...servers.environment,
  STATE_CHECK_INTERVAL: '200ms',
  STATE_SAVE_INTERVAL: '1s',
  STATE_PLATFORM_INTERVAL: '300ms',
  MAX_STATE_FILES: '20',
  MAX_STATE_FILE_SIZE_MB: '1',
};
const s3 = new S3Client(s3Options(loadSettings(environment)));
let runner: TestRunner;
let processor: TestRunner;
let all: Collections;
let filePath: string;

beforeAll(async () => {
  filePath = await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' });
  runner = await startTestRunner({ environment, engine });
  processor = await startTestProcessor({
    environment,
    engine,
    queues: ['state-sync', 'log-flush'],
    concurrency: 4,
  });
  all = runner.services.collections;
});
afterAll(async () => {
  await processor?.stop();
  await runner?.stop();
  s3[Symbol.dispose]();
});

async function runningBot(config: Record<string, unknown> = {}): Promise<string> {
  const id = newBotId();
  await all.bots.insertOne(botDocument(id, { filePath, config }));
  await statusOf(all.status, id, ({ phase }) => phase === 'running');
  return id;
}

const container = async (id: string) => engine.inspect(containerName(servers.installation, id));

/** As the bot itself would. */
async function write(id: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  const entries = Object.entries(files).map(([name, content]) => ({
    name,
    mode: 0o644,
    uid: 1000,
    gid: 1000,
    content: Buffer.from(content),
  }));
  await engine.writeArchive((await container(id))?.id ?? '', PATHS.state, await tarOf(entries));
}

async function stateOf(id: string): Promise<Record<string, string>> {
  const archive = await engine.readArchive((await container(id))?.id ?? '', PATHS.state);
  return filesOf(await buffer(archive as Readable));
}

const saved = (id: string, check: (content: string | undefined) => boolean) =>
  until(async () => {
    const state = await all.botState.findOne({ _id: id });
    return typeof state?.etag === 'string' && check(state.listing) ? state : undefined;
  });

describe('a bot that runs', () => {
  it('has its state saved when it changed, without being asked', async () => {
    const id = await runningBot();
    await write(id, { 'a.json': '1' });
    const first = await saved(id, (listing) => listing !== undefined);
    await write(id, { 'a.json': '2' });
    await until(async () => (await all.botState.findOne({ _id: id }))?.etag !== first.etag);
  });

  it('is told which of its files cannot be saved, and when that is over', async () => {
    const id = await runningBot();
    await write(id, { 'a.json': '1', 'large.bin': randomBytes(1_100_000) });
    const told = await statusOf(all.status, id, ({ reason }) => reason.includes('Not saved of its state'));
    expect(told).toMatchObject({ phase: 'running' });
    expect(told.reason).toMatch(/^It runs\. Not saved of its state: "large\.bin": .+\.$/);
    expect((await all.botState.findOne({ _id: id }))?.etag).toBeTypeOf('string');
    await write(id, { 'large.bin': 'small' });
    await statusOf(all.status, id, ({ reason }) => reason === 'It runs.');
  });

  it('is started anew with what the platform made of its state, and says so', async () => {
    const id = await runningBot();
    await write(id, { 'a.json': '1', 'b.json': '1' });
    await saved(id, (listing) => listing !== undefined);
    const before = (await container(id))?.id;
    // Each change to its status, since the next look at the bot, at the end of its old container, says only that it runs.
    await using changes = all.status.watch([{ $match: { 'documentKey._id': id } }], { maxAwaitTimeMS: 100 });
    await changes.tryNext();
    const edited = await tarGz({ '.the0-state/': '', 'a.json': 'the platform’s' });
    await s3.put(bucket, `${id}/state.tar.gz`, edited);
    const status = await statusOf(
      all.status,
      id,
      ({ phase, containerId }) => phase === 'running' && containerId !== before,
    );
    await until(async () => {
      const change = await changes.tryNext();
      if (change?.operationType !== 'update') return false;
      const { reason = '' } = change.updateDescription.updatedFields ?? {};
      return /^It runs\. The platform changed its state while it ran/.test(reason);
    });
    const state = await stateOf(id);
    expect(Object.entries(state).find(([path]) => path.endsWith('a.json'))?.[1]).toBe('the platform’s');
    expect(Object.keys(state).filter((path) => path.endsWith('b.json'))).toEqual([]);

    await s3.remove(bucket, `${id}/state.tar.gz`);
    await statusOf(
      all.status,
      id,
      ({ phase, containerId }) => phase === 'running' && containerId !== status.containerId,
    );
    expect(Object.keys(await stateOf(id)).filter((path) => path.endsWith('.json'))).toEqual([]);
  });

  it('is stopped where the platform’s archive cannot be read, and runs again with the next one', async () => {
    const id = await runningBot();
    await write(id, { 'a.json': '1' });
    await saved(id, (listing) => listing !== undefined);
    await s3.put(bucket, `${id}/state.tar.gz`, 'rubbish');
    const failed = await statusOf(all.status, id, ({ phase }) => phase === 'failed');
    expect(failed).toMatchObject({ permanent: true, failureCode: 'bad_state' });
    await s3.put(bucket, `${id}/state.tar.gz`, 'other rubbish');
    const worse = createHash('md5').update('other rubbish').digest('hex');
    await until(async () => (await all.botState.findOne({ _id: id }))?.refused?.etag === worse);
    await s3.put(bucket, `${id}/state.tar.gz`, await tarGz({ '.the0-state/': '', 'a.json': 'whole again' }));
    await statusOf(all.status, id, ({ phase }) => phase === 'running');
    const state = await stateOf(id);
    expect(Object.entries(state).find(([path]) => path.endsWith('a.json'))?.[1]).toBe('whole again');
    expect(await all.botState.findOne({ _id: id })).not.toHaveProperty('refused');
  });

  it('is stopped when its state has too many files, and started when it is allowed no fewer than it has', async () => {
    const id = await runningBot();
    await write(id, Object.fromEntries(Array.from({ length: 25 }, (_, n) => [`f${n}`, 'x'])));
    const status = await statusOf(all.status, id, ({ phase }) => phase === 'failed');
    expect(status).toMatchObject({ permanent: true, failureCode: 'state_too_large' });
    expect(status.reason).toContain('more than 20 files');
    await until(async () => (await container(id)) === undefined);
    // Another version of it fares no better.
    await all.bots.updateOne({ id }, { $set: { 'config.v': 2 } });
    await statusOf(
      all.status,
      id,
      ({ phase, attemptedFingerprint }) =>
        phase === 'failed' && attemptedFingerprint !== status.attemptedFingerprint,
    );
    await until(async () => (await container(id)) === undefined, { what: 'its container having gone' });
  });

  it('is stopped before anything of it was saved, and runs with nothing once a person deletes that', async () => {
    const id = await runningBot();
    await write(id, Object.fromEntries(Array.from({ length: 25 }, (_, n) => [`f${n}.json`, 'x'])));
    const { reason } = await statusOf(all.status, id, ({ phase }) => phase === 'failed');
    expect(reason).toContain(`npx the0-runtime state delete ${id}`);
    expect((await s3.list(bucket, `${id}/`)).length).toBe(0);
    await until(async () => (await container(id)) === undefined);
    await new StateRecords(all.botState, Date.now).discard(id, 'somebody');
    await statusOf(all.status, id, ({ phase }) => phase === 'running');
    expect(Object.keys(await stateOf(id)).filter((path) => path.endsWith('.json'))).toEqual([]);
    const state = await all.botState.findOne({ _id: id });
    expect(state).not.toHaveProperty('overLimit');
    expect(state).not.toHaveProperty('discard');
  });

  it('is stopped when its state is larger than it asked to be held to, and runs once it asks for more', async () => {
    const id = await runningBot({ state_limit: '1Mi' });
    await write(id, { 'big1.bin': randomBytes(750_000), 'big2.bin': randomBytes(750_000) });
    const status = await statusOf(all.status, id, ({ phase }) => phase === 'failed');
    expect(status.reason).toContain('takes 1.44Mi, and 1Mi are allowed');
    await all.bots.updateOne({ id }, { $set: { 'config.state_limit': '4Mi' } });
    await statusOf(all.status, id, ({ phase }) => phase === 'running');
    expect((await all.botState.findOne({ _id: id }))?.overLimit).toBeUndefined();
    expect(Object.keys(await stateOf(id)).some((path) => path.endsWith('big2.bin'))).toBe(true);
  });
});

describe('a bot that rests', () => {
  it('has its state saved before it is said to be stopped, and gets it back on another host', async () => {
    const id = await runningBot();
    await write(id, { 'a.json': 'kept' });
    await all.bots.updateOne({ id }, { $set: { 'config.enabled': false } });
    await statusOf(all.status, id, ({ phase }) => phase === 'stopped');
    expect((await all.botState.findOne({ _id: id }))?.etag).toBeTypeOf('string');
    // A save that was asked for while it ran may still have a helper on the volume.
    await until(() => engine.removeVolume(`${servers.installation}_state_${id}`));
    await all.bots.updateOne({ id }, { $set: { 'config.enabled': true } });
    await statusOf(all.status, id, ({ phase }) => phase === 'running');
    expect(Object.entries(await stateOf(id)).find(([path]) => path.endsWith('a.json'))?.[1]).toBe('kept');
  });
});
