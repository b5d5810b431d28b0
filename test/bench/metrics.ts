import { pause } from '../../infra/pause.ts';
import { botDocument, newBotId } from '../support/bots.ts';
import { openWorld, untilWell } from '../support/chaos-world.ts';
import { median, parameter, percentile, type Bench, type Figure } from './harness/index.ts';

const BOTS = parameter('METRICS_BOTS', 10_000);
const SCRAPES = parameter('METRICS_SCRAPES', 100);
/** What is told of the queues is believed for a second: each scrape has to ask Redis. */
const APART_MS = 1_050;
const CHANGES_A_SECOND = 100;
const LIMIT_MS = 50;
const NEVER = new AbortController().signal;

export const bench: Bench = {
  name: 'metrics',
  goal: `GET /metrics of a bot-runner with ${BOTS} bots, each scrape a second after the other: p99 ≤ 50 ms, quiet and while ${CHANGES_A_SECOND} bots a second are restarted`,
  async run(context) {
    const servers = await context.servers('mongo', 'redis', 's3');
    const { engine, url } = await context.remoteFakeEngine(servers.installation);
    const world = await openWorld({
      servers,
      engine,
      engineUrl: url,
      // The defaults suit Docker, which does less when asked for more at once; the fake engine does not mind.
      environment: { RECONCILE_INTERVAL: '30s', ENGINE_CONCURRENCY: '64', QUEUE_CONCURRENCY: '256' },
    });
    context.atEnd('the world', async () => world[Symbol.asyncDispose]());
    const { healthUrl } = await world.spawn('bot-runner');
    const { bots } = world.collections;
    const ids = Array.from({ length: BOTS }, () => newBotId());
    await bots.insertMany(ids.map((id) => botDocument(id, { filePath: world.filePath })));
    await untilWell(world, { timeoutMs: 300_000, everyMs: 3_000 });

    let bytes = 0;
    let series = 0;
    const scrape = async (): Promise<number> => {
      const beganMs = performance.now();
      const body = await (await fetch(`${healthUrl}/metrics`)).text();
      const tookMs = performance.now() - beganMs;
      if (!body.includes('the0_queue_redis_up{service="bot-runner"} 1'))
        throw new Error('A scrape was answered without the queues');
      bytes = body.length;
      series = body.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
      return tookMs;
    };
    const scrapes = async (): Promise<number[]> => {
      const runs: number[] = [];
      for (let at = 0; at < SCRAPES; at += 1) {
        runs.push(await scrape());
        await pause(APART_MS, NEVER);
      }
      return runs;
    };
    // The first one makes what the others find made.
    await scrape();
    const quiet = await scrapes();

    const stop = new AbortController();
    context.atEnd('the changes', async () => stop.abort());
    const changing = (async () => {
      for (let at = 0; !stop.signal.aborted; at += 1) {
        const some = Array.from(
          { length: CHANGES_A_SECOND },
          (_, index) => ids[(at * CHANGES_A_SECOND + index) % BOTS] ?? '',
        );
        await bots.updateMany({ id: { $in: some } }, { $set: { 'config.v': at } });
        await pause(1_000, stop.signal);
      }
    })();
    const busy = await scrapes();
    stop.abort();
    await changing;
    return [
      { ...at('p99', 0.99, quiet), limit: { atMost: LIMIT_MS } },
      { name: 'median', value: median(quiet), unit: 'ms', runs: quiet },
      {
        ...at(`p99 while ${CHANGES_A_SECOND} bots a second are restarted`, 0.99, busy),
        limit: { atMost: LIMIT_MS },
      },
      { name: 'series', value: series, unit: 'series', runs: [series] },
      { name: 'size', value: bytes / 1024, unit: 'KB', runs: [bytes / 1024] },
    ];
  },
};

const at = (name: string, share: number, runs: readonly number[]): Figure => ({
  name,
  value: percentile(runs, share),
  unit: 'ms',
  runs,
});
