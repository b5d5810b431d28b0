import { describe, expect, it } from 'vitest';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { connectRedis } from '../../infra/redis.ts';
import { LABEL } from '../../model/labels.ts';
import { stateVolumeName } from '../../model/names.ts';
import { EngineSweep } from '../../processors/gc/engine-sweep.ts';
import { createSweepWorker } from '../../processors/gc/sweep-worker.ts';
import { DataQueues } from '../../queues/data-queues.ts';
import { testKeeping } from '../support/keeping.ts';
import type { GcReport } from '../../cli/gc/sweep-once.ts';
import { CliProcess, runCli, type Outcome } from '../support/cli.ts';
import { until } from '../support/poll.ts';
import { DAY_MS, GcWorld, HOUR_MS } from './gc-world.ts';

/** `gc`, as processes of its own. */
const world = new GcWorld();
const environment = {
  ...world.servers.environment,
  S3_QUERY_BUCKET: world.buckets.queries,
  GC_HEALTH_PORT: '0',
};
const gc = (args: readonly string[], more: Record<string, string> = {}): Promise<Outcome> =>
  runCli(['gc', ...args], { ...environment, ...more });
const reportOf = ({ stdout }: Outcome): GcReport => JSON.parse(stdout) as GcReport;

async function leaveDeleted(...ids: string[]): Promise<void> {
  for (const id of ids) {
    await world.leave(id);
    await world.deleted(id, 25 * HOUR_MS);
  }
}

/** Sweeps this engine when it is asked to; `gc` finds it there. */
async function sweepingProcessor(
  { collections, servers, log, now }: GcWorld,
  engine: Engine,
): Promise<AsyncDisposable> {
  const onError = (): void => undefined;
  const connection = connectRedis(servers.redisUrl, { role: 'worker', onError });
  const code = { collectUnused: async () => ({ unused: [], leftBehind: [], helpers: [] }) };
  const policy = {
    graceMs: DAY_MS,
    maxSharePercent: 25,
    codeUnusedMs: DAY_MS,
    imageUnusedMs: 0,
    stopGraceMs: 100,
  };
  const sweep = new EngineSweep({ engine, collections, code, keeping: testKeeping(), policy, now, log });
  const { installation } = servers;
  const onOutcome = (): void => undefined;
  const worker = createSweepWorker({ sweep, installation, connection, log, onOutcome, onError });
  worker.start();
  const asking = connectRedis(servers.redisUrl, { role: 'producer', onError });
  await until(() => asking.status === 'ready', { what: 'Redis' });
  const queues = new DataQueues({ connection: asking, installation, onError });
  // Redis knows it only once its connection has told its name.
  await until(async () => (await queues.byName['engine-sweep'].getWorkersCount()) > 0, {
    what: 'the processor',
  });
  await queues.close();
  asking.disconnect();
  return {
    async [Symbol.asyncDispose]() {
      await worker.stop(5_000);
      connection.disconnect();
    },
  };
}

describe('gc', () => {
  it('tells what would go, then sweeps it once, and says that no processor looked at the engine', async () => {
    await world.lives('lives');
    await leaveDeleted('gone');
    await world.leave('nobodys');
    const told = await gc(['--dry-run']);
    expect([told.code, told.stderr]).toEqual([0, '']);
    expect(told.stdout).toMatch(/^Object storage: 1 deleted-bot \(5 objects, \d+ bytes\) would go$/m);
    expect(told.stdout).toMatch(/^deleted-bot +gone +5 +\d+ +its bot was deleted 25 h ago$/m);
    expect(told.stdout).toMatch(/^1 of nobody that is known, left alone: nobodys$/m);
    expect(told.stdout).toContain('npx the0-runtime gc --adopt-orphans --dry-run');
    expect(told.stdout).toMatch(/^Engine: No processor runs that sweeps the engine/m);
    expect(await world.left('gone')).toHaveLength(5);

    const swept = await gc(['--json']);
    expect([swept.code, swept.stderr]).toEqual([0, '']);
    expect(reportOf(swept)).toMatchObject({
      dryRun: false,
      storage: { counts: { 'deleted-bot': 1, objects: 5 }, unknown: ['nobodys'] },
      engine: null,
    });
    expect(await world.left('gone')).toEqual([]);
    expect(await world.left('nobodys')).toHaveLength(5);
    expect(await world.collections.gcReports.countDocuments()).toBe(1);
  });

  it('lets nothing go without the code of a dry run where too much would, and ends with 1', async () => {
    const ids = Array.from({ length: 11 }, (_, index) => `gone-${index}`);
    await leaveDeleted(...ids);
    const stopped = await gc([]);
    expect(stopped.code).toBe(1);
    const [, code = ''] = /gc --confirm ([0-9a-f]{12})/.exec(stopped.stderr) ?? [];
    expect(stopped.stderr).toContain('11 of 11 bots');
    expect((await gc(['--confirm', 'guessed'])).code).toBe(1);
    expect(await world.left('gone-3')).toHaveLength(5);
    expect(await gc(['--confirm', code])).toMatchObject({ code: 0, stderr: '' });
    expect(await world.left('gone-3')).toEqual([]);
  });

  it('stops where too much would go from the engine alone, and a code lets just that go', async () => {
    await world.lives('lives');
    const { installation } = world.servers;
    await using engine = createFakeEngine({ installation, images: ['test:1'] });
    const ids = Array.from({ length: 11 }, (_, index) => `gone-${10 + index}`);
    for (const id of ids) {
      await engine.createVolume(stateVolumeName(installation, id), { [LABEL.id]: id });
      await world.deleted(id, 25 * HOUR_MS);
    }
    const left = async (): Promise<number> => (await engine.listVolumes()).length;
    await using _processor = await sweepingProcessor(world, engine);
    const told = await gc(['--dry-run']);
    expect(told.stdout).toMatch(/^Object storage: nothing would go$/m);
    expect(told.stdout).toMatch(/^Engine: 11 volume would go$/m);
    expect(told.stdout).toContain('11 of 12 bots');
    expect((await gc(['--confirm', 'guessed'])).code).toBe(1);
    const stopped = await gc([]);
    expect(stopped.code).toBe(1);
    const [, code = ''] = /gc --confirm ([0-9a-f]{12})/.exec(stopped.stderr) ?? [];
    expect(told.stdout).toContain(`gc --confirm ${code}`);
    expect(await left()).toBe(11);
    // One more since: that is not what was confirmed.
    await engine.createVolume(stateVolumeName(installation, 'late'), { [LABEL.id]: 'late' });
    await world.deleted('late', 25 * HOUR_MS);
    expect((await gc(['--confirm', code])).code).toBe(1);
    await engine.removeVolume(stateVolumeName(installation, 'late'));
    const swept = await gc(['--confirm', code]);
    expect([swept.code, swept.stderr]).toEqual([0, '']);
    expect(swept.stdout).toMatch(/^Engine: 11 volume went$/m);
    expect(await left()).toBe(0);
    const nothing = await gc([]);
    expect([nothing.code, nothing.stderr]).toEqual([0, '']);
    expect(nothing.stdout).toMatch(/^Engine: nothing went$/m);
  });

  it('adopts what belongs to nobody by the code of a dry run alone', async () => {
    await world.lives('lives');
    await world.leave('nobodys');
    // Of long ago: what was touched within the grace is not adopted.
    const grace = { GC_GRACE: '0s' };
    const unconfirmed = await gc(['--adopt-orphans'], grace);
    expect(unconfirmed.code).toBe(1);
    expect(unconfirmed.stderr).toContain('only once the code of a dry run is given back');
    const told = await gc(['--adopt-orphans', '--dry-run', '--json'], grace);
    const { storage } = reportOf(told);
    expect(storage.items.map(({ name }) => name)).toEqual(['nobodys']);
    expect(await world.left('nobodys')).toHaveLength(5);
    const adopted = await gc(['--adopt-orphans', '--confirm', storage.code ?? ''], grace);
    expect([adopted.code, adopted.stderr]).toEqual([0, '']);
    expect(adopted.stdout).toContain('it was let go by hand');
    expect(await world.left('nobodys')).toEqual([]);
  });

  it('refuses the databases of another installation, and flags that do not go together', async () => {
    await leaveDeleted('gone');
    const facts = world.collections.installation;
    await facts.updateOne(
      { _id: 'installation' },
      { $set: { value: 'another', at: new Date() } },
      { upsert: true },
    );
    const refused = await gc([]);
    await facts.deleteOne({ _id: 'installation' });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('belong to installation "another"');
    expect(await world.left('gone')).toHaveLength(5);
    for (const args of [
      ['--interval', '5m', '--dry-run'],
      ['--interval', 'soon'],
      ['--interval', '1m', '--adopt-orphans'],
    ])
      expect((await gc(args)).code).toBe(2);
  });

  it('says which server is away', async () => {
    const s3 = await gc([], { S3_ENDPOINT: '127.0.0.1:1' });
    expect(s3).toMatchObject({ code: 4, stderr: expect.stringContaining('127.0.0.1:1') as string });
    const mongo = await gc([], { MONGO_URI: 'mongodb://127.0.0.1:1' });
    expect(mongo).toMatchObject({ code: 4, stderr: expect.stringContaining('MONGO_URI') as string });
  });

  it('goes on with an interval, answers on its health port, and ends with a signal', async () => {
    await world.lives('lives');
    await using process = new CliProcess(['gc', '--interval', '200ms'], environment);
    const [, url = ''] = await process.says(/"health":"(http:[^"]+)"/);
    await until(async () => (await fetch(`${url}/readyz`)).ok, { what: 'gc to be ready', timeoutMs: 30_000 });
    await leaveDeleted('gone');
    await until(async () => (await world.left('gone')).length === 0, {
      what: 'the sweep',
      timeoutMs: 30_000,
    });
    const counted = /the0_gc_removed_total\{.*kind="deleted-bot".*\} 1$/m;
    await until(async () => counted.test(await (await fetch(`${url}/metrics`)).text()), {
      what: 'the metric',
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    process.child.kill('SIGTERM');
    expect((await process.ended).code).toBe(0);
  });
});
