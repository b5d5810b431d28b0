import { setTimeout as sleep } from 'node:timers/promises';
import { connectFakeEngine } from '../../infra/engine/fake/index.ts';
import { scheduleDocument } from '../support/chaos-schedule-documents.ts';
import { openWorld } from '../support/chaos-world.ts';
import { until } from '../support/poll.ts';
import type { TickAnswer } from './children/tick-samples.ts';
import {
  endProcess,
  parameter,
  percentile,
  type Bench,
  type BenchContext,
  type Figure,
  type NodeProcess,
} from './harness/index.ts';

const SCHEDULES = parameter('LATENESS_SCHEDULES', 200);
const IDLE = parameter('LATENESS_IDLE', 1_000);
/** Ours and bare BullMQ in turns, each anew: five minutes of each come together. */
const ROUNDS = parameter('LATENESS_ROUNDS', 5);
const SECONDS = parameter('LATENESS_SECONDS', 60);
/** All of each second, without a break: as many ticks a second as there are schedules. */
const EACH_SECOND_SECONDS = parameter('LATENESS_EACH_SECOND_SECONDS', 300);
const EACH_SECOND = '* * * * * *';
const BURST_SECONDS = parameter('LATENESS_BURST_SECONDS', 60);
/** Not counted: everything is compiled by then. */
const WARM_UP_S = 10;

/** Divisors of a minute, so that a cron text keeps the period over its end; each as often, with all offsets. */
const PERIODS_S = [5, 6, 10, 12, 15, 20, 30, 60] as const;
const TICKS_A_SECOND =
  PERIODS_S.reduce((sum, period) => sum + 1 / period, 0) * (SCHEDULES / PERIODS_S.length);
const OFFSET_STEP_S = 7;
/** All on the same second. */
const BURST = '*/10 * * * * *';

type Side = 'ours' | 'bare';
type Slice = {
  /** Nominal time → in a handler's hand. */
  takenMs: number[];
  /** Nominal time → its own alarm's job taken. */
  alarmMs: number[];
  /** Nominal time → its container about to be started. */
  startedMs: number[];
};

export const bench: Bench = {
  name: 'lateness',
  goal:
    `nominal time → tick taken, ${ROUNDS} × ${SECONDS} s in turns with bare BullMQ, ${SCHEDULES} schedules with periods of 5 to 60 s (${TICKS_A_SECOND.toFixed(1)} ticks a second, ` +
    `each with its run) beside ${IDLE} idle ones, and ${EACH_SECOND_SECONDS} s with each of them due each second: p50 ≤ 8 ms, p99 ≤ 25 ms`,
  async run(context) {
    const spread = await inTurns(context, { rounds: ROUNDS, crons: spreadCrons(), seconds: SECONDS });
    const burst = await inTurns(context, {
      rounds: 1,
      crons: Array.from({ length: SCHEDULES }, () => BURST),
      seconds: BURST_SECONDS,
    });
    const everySecond = await inTurns(context, {
      rounds: 1,
      crons: Array.from({ length: SCHEDULES }, () => EACH_SECOND),
      seconds: EACH_SECOND_SECONDS,
    });
    return [
      { ...figure('p50, each of them each second', everySecond, 0.5), limit: { atMost: 8 } },
      { ...figure('p99, each of them each second', everySecond, 0.99), limit: { atMost: 25 } },
      count('ticks, each of them each second', everySecond),
      { ...figure('p50', spread, 0.5), limit: { atMost: 8 } },
      { ...figure('p99', spread, 0.99), limit: { atMost: 25 } },
      count('ticks', spread),
      started('p50 until its run is started', spread, 0.5),
      started('p99 until its run is started', spread, 0.99),
      figure('p50 of each alarm alone', spread, 0.5, 'alarmMs'),
      figure('p99 of each alarm alone', spread, 0.99, 'alarmMs'),
      figure(`p50 of ${SCHEDULES} at once`, burst, 0.5),
      figure(`p99 of ${SCHEDULES} at once`, burst, 0.99),
    ];
  },
};

function spreadCrons(): string[] {
  return Array.from({ length: SCHEDULES }, (_, index) => {
    const period = PERIODS_S[index % PERIODS_S.length] ?? 60;
    const offset = (Math.floor(index / PERIODS_S.length) * OFFSET_STEP_S) % period;
    return period === 60 ? `${offset} * * * * *` : `${offset}-59/${period} * * * * *`;
  });
}

/** Next due in half a year. */
function idleCron(index: number): string {
  const month = ((new Date().getUTCMonth() + 6) % 12) + 1;
  return `${index % 60} ${Math.floor(index / 60) % 24} 15 ${month} *`;
}

type Rounds = Readonly<Record<Side, Slice[]>>;

async function inTurns(
  context: BenchContext,
  options: { rounds: number; crons: readonly string[]; seconds: number },
): Promise<Rounds> {
  const rounds: Rounds = { ours: [], bare: [] };
  const measure = { ours, bare };
  for (let round = 0; round < options.rounds; round += 1) {
    const order: Side[] = round % 2 === 0 ? ['ours', 'bare'] : ['bare', 'ours'];
    for (const side of order) {
      const slice = await context.within((inner) => measure[side](inner, options));
      rounds[side].push(slice);
      context.say(
        `${side}, round ${round + 1}: ${slice.takenMs.length} ticks, p50 ${percentile(slice.takenMs, 0.5)} ms, p99 ${percentile(slice.takenMs, 0.99)} ms`,
      );
    }
  }
  return rounds;
}

type SliceOptions = { crons: readonly string[]; seconds: number };

async function ours(context: BenchContext, { crons, seconds }: SliceOptions): Promise<Slice> {
  const servers = await context.servers('mongo', 'redis', 's3');
  const holder = context.node({ script: 'test/bench/children/short-runs.ts' });
  const { url } = JSON.parse(await holder.line((line) => line.startsWith('{'))) as { url: string };
  const engine = connectFakeEngine({ url, installation: servers.installation });
  context.atEnd('the connection to the fake engine', async () => engine[Symbol.asyncDispose]());
  const world = await openWorld({ servers, engine, engineUrl: url, child: 'test/bench/children/ticks.ts' });
  context.atEnd('the world', async () => world[Symbol.asyncDispose]());
  const { schedules, scheduleStatus, runs } = world.collections;
  const all = [...crons, ...Array.from({ length: IDLE }, (_, index) => idleCron(index))];
  await schedules.insertMany(all.map((cron) => scheduleDocument({ filePath: world.filePath, cron })));
  const child = await world.spawn('bot-scheduler');
  await until(async () => (await scheduleStatus.countDocuments({ phase: 'active' })) === all.length, {
    timeoutMs: 60_000,
    everyMs: 200,
  });
  const sinceMs = Date.now() + WARM_UP_S * 1000;
  const { takenMs, alarmMs } = await measured(context, child, seconds);
  const records = await runs
    .find({ nominal: { $gt: new Date(sinceMs) }, startedAt: { $exists: true } })
    .project<{ nominal: Date; startedAt: Date }>({ nominal: 1, startedAt: 1 })
    .toArray();
  const startedMs = records.map(({ nominal, startedAt }) => startedAt.getTime() - nominal.getTime());
  return { takenMs, alarmMs, startedMs };
}

async function bare(context: BenchContext, { crons, seconds }: SliceOptions): Promise<Slice> {
  const servers = await context.servers('redis');
  const all = [...crons, ...Array.from({ length: IDLE }, (_, index) => idleCron(index))];
  const child = context.node({
    script: 'test/bench/children/bare-alarms.ts',
    environment: { REDIS_URL: servers.redisUrl, CRONS: JSON.stringify(all) },
  });
  await child.line((line) => line.includes('"ready"'), 60_000);
  const { alarmMs } = await measured(context, child, seconds);
  await endProcess(child);
  return { takenMs: alarmMs, alarmMs, startedMs: [] };
}

async function measured(context: BenchContext, child: NodeProcess, seconds: number): Promise<TickAnswer> {
  const read = async (): Promise<TickAnswer> => {
    const answer = child.line((line) => line.includes('"alarmMs"'));
    child.kill('SIGUSR2');
    return JSON.parse(await answer) as TickAnswer;
  };
  await sleep(WARM_UP_S * 1000, undefined, { signal: context.signal });
  await read();
  await sleep(seconds * 1000, undefined, { signal: context.signal });
  return read();
}

/** Over all ticks of all rounds; `runs` has the rounds. */
function figure(name: string, rounds: Rounds, share: number, of: 'takenMs' | 'alarmMs' = 'takenMs'): Figure {
  const value = over(rounds.ours, of, share);
  const anchor = over(rounds.bare, of, share);
  return {
    name,
    value,
    unit: 'ms',
    anchor: { what: 'bare BullMQ', value: anchor },
    ratio: value / anchor,
    runs: rounds.ours.map((slice) => over([slice], of, share)),
  };
}

function started(name: string, { ours: slices }: Rounds, share: number): Figure {
  const runs = slices.map((slice) => over([slice], 'startedMs', share));
  return { name, value: over(slices, 'startedMs', share), unit: 'ms', runs };
}

const over = (slices: readonly Slice[], of: keyof Slice, share: number): number =>
  percentile(
    slices.flatMap((slice) => slice[of]),
    share,
  );

function count(name: string, rounds: Rounds): Figure {
  const ticks = (slices: readonly Slice[]): number[] => slices.map(({ takenMs }) => takenMs.length);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    name,
    value: sum(ticks(rounds.ours)),
    unit: 'ticks',
    anchor: { what: 'bare BullMQ', value: sum(ticks(rounds.bare)) },
    runs: ticks(rounds.ours),
  };
}
