import { MongoClient } from 'mongodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../infra/logger.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { ConditionFailed, ObjectTooLarge, S3Error } from '../../infra/s3/errors.ts';
import { probeConditions } from '../../infra/s3/probe.ts';
import { NotKept } from '../../processors/keeping.ts';
import { LeaseStore } from '../../infra/lease-store.ts';
import { exclusiveByLease } from '../../processors/logs/exclusive.ts';
import { newBotId } from '../support/bots.ts';
import { S3FaultProxy, type S3Fault } from '../support/s3-fault-proxy.ts';
import { testServers } from '../support/servers.ts';
import { logRig, NO_SIGNAL, type LogRig } from './log-rig.ts';

const servers = testServers();
const mongo = new MongoClient(servers.mongoUri);
const NOON = Date.UTC(2026, 10, 24, 12);
const MB = 1024 * 1024;
let store: Collections;
let rig: LogRig & Disposable;
let proxy: S3FaultProxy;

beforeAll(async () => {
  store = collections(mongo, servers.databases);
  rig = await logRig(servers, { collections: store, nowMs: NOON });
  proxy = await S3FaultProxy.start(servers.s3.port);
});
afterEach(() => {
  proxy.fault = () => 'pass';
});
afterAll(async () => {
  rig[Symbol.dispose]();
  await proxy[Symbol.asyncDispose]();
  await mongo.close();
});

const numbers = (lines: readonly string[] = []): number[] =>
  lines.map((line) => Number.parseInt((JSON.parse(line) as { message: string }).message, 10));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('conditional calls, by a real S3', () => {
  const write = { contentType: 'text/plain', metadata: { cursor: '{"v":1,"t":["a"]}' } };

  it('are found to be honoured, and the probe leaves nothing behind', async () => {
    expect(await probeConditions(rig.s3, rig.bucket)).toEqual({
      create: true,
      replace: true,
      complete: true,
    });
    expect(await rig.s3.list(rig.bucket, '.tmp-')).toEqual([]);
    expect(await rig.s3.bulk.incompleteUploads(rig.bucket)).toEqual([]);
  });

  it('create, replace, read, extend and copy only what is meant', async () => {
    const key = "odd/a b(1)'é+&.log";
    const { conditional } = rig.s3;
    const made = await conditional.write(rig.bucket, key, Buffer.alloc(12 * MB, 'x'), {
      ...write,
      ifEtag: null,
    });
    const stale = { ...write, ifEtag: '0'.repeat(32) };
    await expect(
      conditional.write(rig.bucket, key, Buffer.of(1), { ...write, ifEtag: null }),
    ).rejects.toThrow(ConditionFailed);
    await expect(conditional.write(rig.bucket, key, Buffer.of(1), stale)).rejects.toThrow(ConditionFailed);
    const held = { etag: made.etag, bytes: 12 * MB };
    await expect(conditional.append(rig.bucket, key, Buffer.of(1), { ...stale, ...held })).rejects.toThrow(
      ConditionFailed,
    );
    // In several copied parts, as S3 wants it beyond 5 GiB.
    const longer = await conditional.append(rig.bucket, key, Buffer.from('tail'), {
      ...write,
      ...held,
      ifEtag: made.etag,
      partBytes: 8 * MB,
    });
    const closed = await conditional.append(rig.bucket, key, Buffer.alloc(0), {
      ...write,
      etag: longer.etag,
      bytes: 12 * MB + 4,
      ifEtag: longer.etag,
    });
    expect(closed.etag).not.toBe(longer.etag);
    const whole = await conditional.read(rig.bucket, key, { maxBytes: 20 * MB, etag: closed.etag });
    expect(whole.content.length).toBe(12 * MB + 4);
    expect(whole.content.subarray(-5).toString()).toBe('xtail');
    expect(whole.metadata).toEqual(write.metadata);
    await expect(conditional.read(rig.bucket, key, { maxBytes: MB })).rejects.toThrow(ObjectTooLarge);
    await expect(conditional.read(rig.bucket, key, { maxBytes: 20 * MB, etag: made.etag })).rejects.toThrow(
      ConditionFailed,
    );
    await expect(conditional.copy(rig.bucket, key, 'copies/1', { etag: made.etag })).rejects.toThrow(
      ConditionFailed,
    );
    await conditional.copy(rig.bucket, key, 'copies/1', { etag: closed.etag });
    expect(await rig.s3.stat(rig.bucket, 'copies/1')).toMatchObject({
      bytes: 12 * MB + 4,
      metadata: write.metadata,
    });
    expect(await rig.s3.bulk.incompleteUploads(rig.bucket)).toEqual([]);
  });
});

describe('with faults of S3', () => {
  const limits = { callTimeoutMs: 300, stallTimeoutMs: 300 };

  it.each<[string, S3Fault]>([
    ['answering 503', 'busy'],
    ['doing it without an answer', 'lost'],
    ['cutting its answer in half', 'cut'],
    ['never answering', 'silent'],
  ])('%s, now and then: nothing is lost or doubled', async (_name, fault) => {
    const id = newBotId();
    const container = rig.output.container(id);
    const s3 = rig.s3At({ endpoint: proxy.endpoint, ...limits });
    const keepers = [rig.keeper({ s3 }), rig.keeper({ s3 })];
    let calls = 0;
    let failed = 0;
    proxy.fault = () => ((calls += 1) % 5 === 0 ? fault : 'pass');
    let printed = 0;
    for (let round = 0; round < 12; round += 1) {
      // From the fourth on beyond 5 MiB: appended, not rewritten.
      const filler = round === 3 ? 'x'.repeat(60_000) : '';
      for (let line = 0; line < 100; line += 1)
        rig.output.entry(container, `${printed} ${filler}\n`, NOON + printed++);
      const results = await Promise.allSettled(keepers.map((keeper) => keeper.flush(id, NO_SIGNAL)));
      for (const result of results)
        if (result.status === 'rejected') {
          expect(result.reason).toBeInstanceOf(S3Error);
          failed += 1;
        }
    }
    proxy.fault = () => 'pass';
    rig.output.end(container);
    await rig.keeper().output(id, container, NO_SIGNAL);
    expect(numbers((await rig.stored(id))['20261124'])).toEqual(upTo(printed));
    expect(failed).toBeGreaterThan(0);
  });

  it('away at the end of a container: it is not kept, and said so in time', async () => {
    const id = newBotId();
    const container = rig.output.container(id);
    rig.output.entry(container, '0\n', NOON);
    rig.output.end(container);
    const s3 = rig.s3At({ endpoint: proxy.endpoint });
    proxy.fault = () => 'busy';
    await expect(rig.keeper({ s3 }).output(id, container, NO_SIGNAL)).rejects.toThrow(NotKept);
    proxy.fault = () => 'silent';
    await expect(rig.keeper({ s3, outputTimeoutMs: 200 }).output(id, container, NO_SIGNAL)).rejects.toThrow(
      NotKept,
    );
    await expect(rig.keeper({ bucket: 'there-is-none' }).output(id, container, NO_SIGNAL)).rejects.toThrow(
      NotKept,
    );
    const leaving = new Error('the processor is stopping');
    await expect(rig.keeper({ s3 }).output(id, container, AbortSignal.abort(leaving))).rejects.toBe(leaving);
    proxy.fault = () => 'pass';
    await rig.keeper({ s3 }).output(id, container, NO_SIGNAL);
    expect(numbers((await rig.stored(id))['20261124'])).toEqual([0]);
  });
});

describe('several at once', () => {
  async function contend(keepers: ReturnType<LogRig['keeper']>[], rounds: number): Promise<void> {
    const id = newBotId();
    const container = rig.output.container(id);
    let printed = 0;
    for (let round = 0; round < rounds; round += 1) {
      for (let line = 0; line < 20; line += 1) rig.output.entry(container, `${printed}\n`, NOON + printed++);
      await Promise.all(keepers.map((keeper) => keeper.flush(id, NO_SIGNAL)));
    }
    expect(numbers((await rig.stored(id))['20261124'])).toEqual(upTo(printed));
  }

  it('processors flush the same bot: each line is there once', async () => {
    await contend([rig.keeper(), rig.keeper(), rig.keeper()], 10);
  });

  it('also where S3 knows no conditions and a lease stands in', async () => {
    const none = { create: false, replace: false, complete: false };
    const exclusive = exclusiveByLease({
      leases: new LeaseStore(store.leases),
      installation: servers.installation,
      owner: 'test',
      log: createLogger({ level: 'silent', service: 'test' }),
    });
    await contend(
      [0, 1, 2].map(() => rig.keeper({ conditions: none, exclusive })),
      3,
    );
  });
});
