import { pause } from '../../infra/pause.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { BotOrder, BotPhase, BotService } from '../../proto/gen/the0/runtime/v1/bots_pb.js';
import { clientOf, startTestApi } from '../support/api.ts';
import { seedFleet } from '../support/api-fleet.ts';
import { percentile, type Bench } from './harness/index.ts';

const BOTS = 10_000;
const PAGE = 100;
const IN_A_ROW = 1_000;
const APART = 200;
/** As people and pages ask: each finds some forty bots changed. */
const APART_MS = 200;
const WARM_UP = 50;
const CHANGES_A_SECOND = 200;

/** What people ask: the first page, the next, one order or another, a search, a filter. */
const QUERIES = [
  {},
  { order: BotOrder.NAME },
  { order: BotOrder.RESTARTS },
  { filter: { phases: [BotPhase.FAILED, BotPhase.BACKING_OFF] } },
  { order: BotOrder.SINCE },
  { filter: { text: 'strategy-42' } },
  { filter: { runtimes: ['nodejs20'] }, order: BotOrder.ID },
  { filter: { held: true } },
];

export const bench: Bench = {
  name: 'api',
  goal: `list of ${BOTS} bots, a page of ${PAGE}, over HTTP by a token, while ${CHANGES_A_SECOND} of them change each second: p99 ≤ 100 ms`,
  async run(context) {
    const servers = await context.servers('mongo', 'redis');
    const api = await startTestApi({ environment: servers.environment });
    context.atEnd('the API', () => api.stop());
    const fleet = await seedFleet(api.connections.collections, BOTS);
    const client = clientOf(api, BotService, await api.token('viewer'), 'Connect');

    let token = '';
    const list = async (at: number): Promise<number> => {
      const query = QUERIES[at % QUERIES.length] ?? {};
      const isPlain = at % QUERIES.length === 0;
      const beganMs = performance.now();
      const { bots, total, nextToken } = await client.listBots({
        ...query,
        page: { size: PAGE, token: isPlain ? token : '' },
      });
      const tookMs = performance.now() - beganMs;
      if (bots.length > PAGE || bots.length === 0 || total < bots.length)
        throw new Error(`The page has ${bots.length} bots of ${total}`);
      if (isPlain) token = nextToken;
      return tookMs;
    };

    const firstMs = await list(1);
    const stop = new AbortController();
    context.atEnd('the changes', async () => stop.abort());
    const changing = change(api.connections.collections, fleet.idsOf('running'), stop.signal);
    const inARow: number[] = [];
    for (let at = 0; at < WARM_UP + IN_A_ROW; at += 1) {
      context.signal.throwIfAborted();
      const tookMs = await list(at);
      if (at >= WARM_UP) inARow.push(tookMs);
    }
    const apart: number[] = [];
    for (let at = 0; at < APART; at += 1) {
      await pause(APART_MS, context.signal);
      apart.push(await list(at));
    }
    stop.abort();
    await changing;
    const p99 = (runs: number[]) => ({
      value: percentile(runs, 0.99),
      unit: 'ms',
      runs,
      limit: { atMost: 100 },
    });
    return [
      { name: 'p99', ...p99(inARow) },
      { name: 'p99 of lists apart', ...p99(apart) },
      { name: 'p50', value: percentile(inARow, 0.5), unit: 'ms', runs: inARow },
      { name: 'the first, which reads the whole fleet', value: firstMs, unit: 'ms', runs: [firstMs] },
    ];
  },
};

/** Bots go in and out of a phase, as processors would write it. */
async function change(
  { status }: Pick<Collections, 'status'>,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const each = CHANGES_A_SECOND / 10;
  for (let round = 0; !signal.aborted; round += 1) {
    const some = Array.from({ length: each }, (_, at) => ids[(round * each + at * 7) % ids.length] ?? '');
    await status.updateMany(
      { _id: { $in: some } },
      { $set: { phase: round % 2 === 0 ? 'starting' : 'running', since: new Date() } },
    );
    await pause(100, signal);
  }
}
