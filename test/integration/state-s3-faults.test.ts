import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import type { S3Client } from '../../infra/s3/client.ts';
import { S3Error } from '../../infra/s3/errors.ts';
import { StartProblem } from '../../processors/errors.ts';
import type { StateKeeper } from '../../processors/state/keeper.ts';
import { S3FaultProxy, type S3Fault } from '../support/s3-fault-proxy.ts';
import { StateWorld } from './state-world.ts';

/** A real S3 behind a proxy that spoils one request: each of those that a save or a restore makes, in turn. */
const FAULTS = ['busy', 'lost', 'cut', 'silent'] as const satisfies readonly S3Fault[];
/** More than either makes. */
const MOST_REQUESTS = 30;

let world: StateWorld;
let proxy: S3FaultProxy;
let s3: S3Client;
let keeper: StateKeeper;
beforeAll(async () => {
  world = await StateWorld.open(async ({ installation }) => {
    const engine = createFakeEngine({ installation, images: ['test:1'] });
    return { engine, image: (await engine.resolveImage('test:1')) ?? '' };
  });
  proxy = await S3FaultProxy.start(world.servers.s3.port);
  s3 = world.s3With({ endpoint: proxy.endpoint, callTimeoutMs: 400, stallTimeoutMs: 400 });
  keeper = world.keeperWith({ s3 });
});
afterAll(async () => {
  s3?.[Symbol.dispose]();
  await proxy?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

/** Does `work` with the request of that number spoiled. What it came to, and which request that was; undefined: none. */
async function spoiling<T>(
  at: number,
  fault: S3Fault,
  work: () => Promise<T>,
): Promise<{ result: T | Error; request: string | undefined }> {
  let request: string | undefined;
  let count = 0;
  proxy.fault = (call) => {
    count += 1;
    if (count !== at) return 'pass';
    request = call;
    return fault;
  };
  try {
    return { result: await work().catch((error: unknown) => error as Error), request };
  } finally {
    proxy.fault = () => 'pass';
  }
}

describe.each(FAULTS)('a request to S3 that is %s', (fault) => {
  it('of a save leaves the archive as it was, or as the bot has it, and never takes ours for the platform’s', async () => {
    const id = `save-${fault}`;
    await world.restore(id);
    let spoiled = 0;
    for (let at = 1; at <= MOST_REQUESTS; at += 1) {
      const [before, now] = [`${at - 1}`, `${at}`];
      await world.write(id, { 'a.txt': now });
      const { result, request } = await spoiling(at, fault, () => world.save(id, keeper));
      const archive = await world.archive(id);
      if (result instanceof Error) {
        expect(result, request).toBeInstanceOf(S3Error);
        expect([undefined, before, now], request).toContain(archive?.['a.txt']);
      } else {
        expect(result, request).toMatchObject({ kind: 'saved' });
        expect(archive, request).toMatchObject({ 'a.txt': now });
      }
      // Whoever comes next saves it, and what is on record is what is there.
      expect(['saved', 'unchanged'], request).toContain((await world.save(id)).kind);
      expect(await world.archive(id), request).toMatchObject({ 'a.txt': now });
      const { etag } = await world.s3.stat(world.bucket, `${id}/state.tar.gz`);
      const known = await world.all.botState.findOne({ _id: id });
      expect(known, request).toMatchObject({ etag });
      expect(known, request).not.toHaveProperty('platformEtag');
      if (request === undefined) break;
      spoiled += 1;
    }
    expect(spoiled).toBeGreaterThanOrEqual(3);
    expect(spoiled).toBeLessThan(MOST_REQUESTS);
  });

  it('of a restore holds the start back, and what is good for bad is never taken', async () => {
    const id = `restore-${fault}`;
    let spoiled = 0;
    for (let at = 1; at <= MOST_REQUESTS; at += 1) {
      await world.platformPuts(id, { '.the0-state/': '', 'a.txt': `${at}`.repeat(20_000) });
      const { result, request } = await spoiling(at, fault, () => world.restore(id, keeper));
      if (result instanceof Error) {
        expect(result, request).toBeInstanceOf(StartProblem);
        expect(result, request).toMatchObject({ code: 'state_unavailable', retryable: true });
        await world.restore(id);
      }
      expect(await world.volume(id), request).toMatchObject({ 'a.txt': `${at}`.repeat(20_000) });
      expect(await world.all.botState.findOne({ _id: id }), request).not.toHaveProperty('refused');
      if (request === undefined) break;
      spoiled += 1;
    }
    expect(spoiled).toBeGreaterThanOrEqual(2);
    expect(spoiled).toBeLessThan(MOST_REQUESTS);
  });
});
