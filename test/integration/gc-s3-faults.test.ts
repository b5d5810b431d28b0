import { expect, it } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { S3Error } from '../../infra/s3/errors.ts';
import { S3FaultProxy, type S3Fault } from '../support/s3-fault-proxy.ts';
import { GcWorld, HOUR_MS } from './gc-world.ts';

/** Whole sweeps with a real S3 behind a proxy that spoils one request: each of those that a sweep makes, in turn. */
const FAULTS = ['busy', 'lost', 'cut', 'silent'] as const satisfies readonly S3Fault[];
/** More than a sweep makes. */
const MOST_REQUESTS = 60;

const world = new GcWorld();
/** What each leaves. */
const ALL = 5;

it.each(FAULTS)(
  'a sweep one request of which is %s touches nothing that lives, says what is left, and the next ends it',
  async (fault) => {
    await using proxy = await S3FaultProxy.start(world.servers.s3.port);
    using s3 = new S3Client({
      ...s3Options(loadSettings(world.servers.environment)),
      endpoint: proxy.endpoint,
      callTimeoutMs: 400,
      stallTimeoutMs: 400,
    });
    await world.lives('lives', 'lives-too');
    await world.leave('lives');
    let spoiled = 0;
    for (let at = 1; at <= MOST_REQUESTS; at += 1) {
      const id = `gone-${at}`;
      await world.leave(id);
      await world.deleted(id, 25 * HOUR_MS);
      let request: string | undefined;
      let count = 0;
      proxy.fault = (call) => {
        count += 1;
        if (count !== at) return 'pass';
        request = call;
        return fault;
      };
      const report = await world
        .sweep({}, { s3 })
        .run({ full: true, dryRun: false, signal: new AbortController().signal })
        .catch((error: unknown) => error as Error);
      proxy.fault = () => 'pass';
      const left = await world.left(id);
      // While it only looks, it ends with the failure, and nothing went.
      if (report instanceof Error) {
        expect(report, request).toBeInstanceOf(S3Error);
        expect(left, request).toHaveLength(ALL);
      } else if (left.length > 0) expect(report.problems.join('; '), request).not.toBe('');
      expect(await world.left('lives'), request).toHaveLength(ALL);
      const ended = await world
        .sweep()
        .run({ full: true, dryRun: false, signal: new AbortController().signal });
      expect(ended.problems, request).toEqual([]);
      expect(await world.left(id), request).toEqual([]);
      expect(await world.left('lives'), request).toHaveLength(ALL);
      if (request === undefined) break;
      spoiled += 1;
    }
    expect(spoiled).toBeGreaterThanOrEqual(6);
    expect(spoiled).toBeLessThan(MOST_REQUESTS);
  },
);
