import { MongoClient } from 'mongodb';
import { Registry } from 'prom-client';
import { loadSettings } from '../../infra/config/load.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections, databaseNames } from '../../infra/mongo/collections.ts';
import { flushPolicyOf } from '../../model/flush-policy.ts';
import { LogKeeper } from '../../processors/logs/keeper.ts';
import { LogMetrics } from '../../processors/logs/metrics.ts';
import { FlushAsker } from '../../producers/live-logs/flush-asker.ts';
import { randomFrom } from '../support/chaos-kills.ts';
import { Output } from '../support/log-output.ts';
import { CountedStorage } from './counted-storage.ts';
import {
  median,
  parameter,
  percentile,
  type Bench,
  type BenchContext,
  type Figure,
} from './harness/index.ts';

/** A day of each, as it is stored. */
const MEGABYTES = parameter('LOG_VOLUME_MB', 100);
/** Their rewrites fall differently, and the last one weighs the most. */
const BOTS = parameter('LOG_VOLUME_BOTS', 3);
const SEED = parameter('LOG_VOLUME_SEED', 20_261_124);

const DAY_SECONDS = 86_400;
/** The day begins and ends with the clock's. */
const BEGAN_MS = Date.UTC(2026, 10, 24);
const LINES_A_SECOND = 2;
/** Of a stored line: its time and the JSON around it. */
const AROUND_BYTES = '{"timestamp":"2026-11-24T00:00:00Z","message":""}\n'.length;
const NUMBER_BYTES = '00000000 '.length;
const MEAN_TEXT_BYTES = (MEGABYTES * 1e6) / DAY_SECONDS / LINES_A_SECOND - AROUND_BYTES - NUMBER_BYTES;
/** The engine's own files hold more than this; what is saved long ago need not lie in memory. */
const ENTRIES_KEPT = 2_000;

type Printer = {
  id: string;
  container: string;
  printed: number;
  savedMs: number;
  /** Seconds that the oldest line of each flush had waited. */
  waits: number[];
};

export const bench: Bench = {
  name: 'log-volume',
  goal:
    `${BOTS} bots that log ${MEGABYTES} MB a day each, evenly: bytes uploaded at most 3 times the log of each, server-side copies stated ` +
    'apart, each line asked for within 60 s; the real asker and keeper, a day by an injected clock, S3 counted',
  async run(context) {
    const { storage, printers } = await aDay(context);
    const counts = storage.keys().map((key) => storage.counts(key));
    const factors = counts.map(({ uploaded, bytes }) => uploaded / bytes);
    const of = (name: string, unit: string, runs: readonly number[], limit?: Figure['limit']): Figure => ({
      name,
      value: median(runs),
      unit,
      runs,
      ...(limit === undefined ? {} : { limit }),
    });
    const waits = printers.flatMap((printer) => printer.waits);
    return [
      // The largest: a goal that every other bot misses would be none.
      { ...of('bytes uploaded ÷ log', 'times', factors), value: Math.max(...factors), limit: { atMost: 3 } },
      of(
        'log of the day',
        'MB',
        counts.map(({ bytes }) => bytes / 1e6),
      ),
      of(
        'uploaded',
        'MB',
        counts.map(({ uploaded }) => uploaded / 1e6),
      ),
      of(
        'copied within S3',
        'GB',
        counts.map(({ copied }) => copied / 1e9),
      ),
      of(
        'bytes copied within S3 ÷ log',
        'times',
        counts.map(({ copied, bytes }) => copied / bytes),
      ),
      of(
        'flushes that wrote it anew',
        'flushes',
        counts.map(({ writes }) => writes),
      ),
      of(
        'flushes that extended it',
        'flushes',
        counts.map(({ appends }) => appends),
      ),
      of('oldest line of a flush, p50', 's', [percentile(waits, 0.5)]),
      of('oldest line of a flush, most', 's', [Math.max(...waits)], { atMost: 60 }),
      of(
        'lines lost, doubled or out of order',
        'lines',
        printers.map(({ id, printed }) => disorder(storage.lines(id), printed)),
        { atMost: 0 },
      ),
    ];
  },
};

async function aDay(context: BenchContext): Promise<{ storage: CountedStorage; printers: Printer[] }> {
  const servers = await context.servers('mongo');
  const settings = loadSettings(servers.environment);
  const client = await MongoClient.connect(servers.mongoUri);
  context.atEnd('the connection to MongoDB', () => client.close());
  const { botLogs } = collections(client, databaseNames(settings));
  const log = createLogger({ level: 'silent', service: 'bench' });
  const random = randomFrom(SEED);
  const storage = new CountedStorage();
  const output = new Output();
  let nowMs = BEGAN_MS;
  const now = (): number => nowMs;
  const keeper = new LogKeeper({
    engine: output.engine,
    s3: storage.client,
    bucket: 'logs',
    collections: { botLogs },
    limits: {
      lineKb: settings.LOG_LINE_KB,
      rateBytes: settings.LOG_RATE_KB * 1024,
      dayBytes: settings.LOG_DAY_MB * 2 ** 20,
    },
    conditions: { create: true, replace: true, complete: true },
    exclusive: () => Promise.reject(new Error('conditions are honoured')),
    metrics: new LogMetrics({ registry: new Registry() }),
    now,
    log,
  });
  let due = new Set<string>();
  const asker = new FlushAsker({
    botLogs,
    queues: { add: async (items) => void (due = new Set(items.map(({ job }) => job.botId))) },
    policy: flushPolicyOf(settings),
    now,
    log,
  });
  const printers = Array.from({ length: BOTS }, (_, index): Printer => {
    const id = `volume-${index}`;
    return { id, container: output.container(id), printed: 0, savedMs: nowMs, waits: [] };
  });
  for (let second = 1; second < DAY_SECONDS; second += 1) {
    context.signal.throwIfAborted();
    nowMs = BEGAN_MS + second * 1000;
    for (const printer of printers)
      for (let line = 0; line < LINES_A_SECOND; line += 1) {
        const text = 'x'.repeat(Math.max(0, Math.round(2 * random() * MEAN_TEXT_BYTES)));
        const said = `${String((printer.printed += 1)).padStart(8, '0')} ${text}\n`;
        output.entry(printer.container, said, nowMs - 1000 + (line * 1000) / LINES_A_SECOND);
        asker.output(printer.id, said.length);
      }
    due = new Set();
    await asker.tick();
    const isLast = second === DAY_SECONDS - 1;
    for (const printer of printers) {
      if (!due.has(printer.id) && !isLast) continue;
      await keeper.flush(printer.id, context.signal);
      printer.waits.push((nowMs - printer.savedMs) / 1000);
      printer.savedMs = nowMs;
      const { entries } = output.get(printer.container);
      output.drop(printer.container, Math.max(0, entries.length - ENTRIES_KEPT));
    }
    if (second % 10_800 === 0) context.say(`${second / 3_600} hours of the day are over`);
  }
  return { storage, printers };
}

/** Lines are numbered from 1 on, and every one is there once. */
function disorder(lines: readonly string[], printed: number): number {
  const wrong = lines.filter((line, index) => {
    const { message } = JSON.parse(line) as { message: string };
    return Number(message.slice(0, 8)) !== index + 1;
  });
  return wrong.length + Math.abs(printed - lines.length);
}
