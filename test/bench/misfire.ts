import { setTimeout as sleep } from 'node:timers/promises';
import { connectFakeEngine } from '../../infra/engine/fake/index.ts';
import type { Run } from '../../model/runs.ts';
import { newBotId } from '../support/bots.ts';
import { scheduleDocument } from '../support/chaos-schedule-documents.ts';
import { watchFakeRuns } from '../support/chaos-schedule-history.ts';
import { checkLedger, findingsOf } from '../support/chaos-schedule-ledger.ts';
import { openWorld, type Child, type World } from '../support/chaos-world.ts';
import { until } from '../support/poll.ts';
import { parameter, type Bench, type BenchContext, type Figure } from './harness/index.ts';
import { ALLOWED_AT_ONCE, CASES, configOf, expectedOf, MISFIRES, type Case } from './misfire-rules.ts';

const MINUTE_MS = 60_000;
const DOWN_MS = 10 * MINUTE_MS;
const CRON = '* * * * *';
/** 1: once more, with a scheduler that is killed and ten minutes that pass. */
const REAL = parameter('MISFIRE_REAL', 0);

/** When the downtime ends, in seconds of a minute, and until when it must have been handled. */
const MOMENTS = [
  { name: 'all missed', from: 25, to: 35, handledBy: 58 },
  { name: 'the last one on time', from: 2, to: 6, handledBy: 14 },
] as const satisfies readonly Moment[];
/** `isReal`: the ten minutes pass, instead of being set back in the database. */
type Moment = { name: string; from: number; to: number; handledBy: number; isReal?: boolean };

type Schedule = Case & { id: string };
type Outcome = { schedules: Schedule[]; records: Run[]; due: number; differences: string[] };

export const bench: Bench = {
  name: 'misfire',
  goal:
    '10 minutes down (where each schedule stands is set back in the database while nobody runs), ' +
    `each misfire policy with each overlap policy, ${CASES.length} schedules twice: the records exactly as the policies say`,
  async run(context) {
    const outcomes: Outcome[] = [];
    const really = { ...MOMENTS[0], name: 'all missed, ten minutes that passed', isReal: true };
    for (const moment of REAL === 0 ? MOMENTS : [...MOMENTS, really])
      outcomes.push(await context.within((inner) => downtime(inner, moment)));
    return figures(outcomes);
  },
};

async function downtime(context: BenchContext, moment: Moment): Promise<Outcome> {
  const servers = await context.servers('mongo', 'redis', 's3');
  const holder = context.node({ script: 'test/bench/children/short-runs.ts', args: ['50', '250'] });
  const { url } = JSON.parse(await holder.line((line) => line.startsWith('{'))) as { url: string };
  const engine = connectFakeEngine({ url, installation: servers.installation });
  context.atEnd('the connection to the fake engine', async () => engine[Symbol.asyncDispose]());
  const world = await openWorld({
    servers,
    engine,
    engineUrl: url,
  });
  context.atEnd('the world', async () => world[Symbol.asyncDispose]());
  const schedules = CASES.map((each) => ({ ...each, id: newBotId() }));

  const scheduler = await plan(world, schedules);
  const downUntilMs = await (moment.isReal === true ? down : asIfDown)(context, world, scheduler, moment);
  const downSinceMs = downUntilMs - DOWN_MS;
  const history = watchFakeRuns(engine);
  context.say(
    `${moment.name}: down from ${new Date(downSinceMs).toISOString()} to ${new Date(downUntilMs).toISOString()}`,
  );
  const recovered = await recover(world, downUntilMs, moment);
  const records = recovered.filter(({ nominal }) => nominal.getTime() > downSinceMs);

  const ledger = checkLedger({
    schedules: schedules.map(({ id, overlap }) => ({
      id,
      cron: CRON,
      zone: 'UTC',
      max: overlap === 'allow' ? ALLOWED_AT_ONCE : 1,
    })),
    records,
    history: (await history.stop()).filter(({ atMs }) => atMs >= downUntilMs),
    fromMs: downSinceMs,
    untilMs: downUntilMs,
  });
  const differences = [
    ...findingsOf(ledger),
    ...schedules.flatMap((each) => {
      const mine = records.filter(({ scheduleId }) => scheduleId === each.id);
      return compare(each, mine, downUntilMs);
    }),
  ];
  for (const difference of differences) context.say(difference);
  return { schedules, records, due: ledger.due, differences };
}

/** Has the schedules planned; resolves with the process that did. */
async function plan(world: World, schedules: readonly Schedule[]): Promise<Child> {
  const child = await world.spawn('bot-scheduler');
  await world.collections.schedules.insertMany(
    schedules.map((each) =>
      scheduleDocument({ id: each.id, filePath: world.filePath, cron: CRON, config: configOf(each) }),
    ),
  );
  const { scheduleStatus } = world.collections;
  await until(async () => (await scheduleStatus.countDocuments({ phase: 'active' })) === schedules.length, {
    timeoutMs: 30_000,
  });
  return child;
}

type Downtime = (context: BenchContext, world: World, scheduler: Child, moment: Moment) => Promise<number>;

/** Ten minutes pass in which nobody runs; resolves with their end. */
const down: Downtime = async (context, _world, scheduler, moment) => {
  const untilMs = (await untilMoment(context, moment)) + DOWN_MS;
  scheduler.kill('SIGKILL');
  await scheduler.ended;
  for (let leftMs = DOWN_MS; leftMs > 0; leftMs = untilMs - Date.now()) {
    context.say(`down for ${Math.ceil(leftMs / 1000)} s more`);
    await sleep(Math.min(leftMs, MINUTE_MS), undefined, { signal: context.signal });
  }
  return untilMs;
};

/** Where each schedule stands is set back by ten minutes while nobody runs; resolves with their end. */
const asIfDown: Downtime = async (context, world, scheduler, moment) => {
  scheduler.kill('SIGTERM');
  await scheduler.ended;
  const untilMs = await untilMoment(context, moment);
  await setBack(world, untilMs - DOWN_MS);
  return untilMs;
};

async function untilMoment(context: BenchContext, { from, to }: Moment): Promise<number> {
  const second = Math.floor(Date.now() / 1000) % 60;
  if (second < from || second >= to) {
    const waitMs = ((from - second + 60) % 60) * 1000;
    context.say(`waiting ${waitMs / 1000} s for second ${from} of a minute`);
    await sleep(waitMs, undefined, { signal: context.signal });
  }
  return Date.now();
}

/** As if everything had stood still since then. */
async function setBack(world: World, downSinceMs: number): Promise<void> {
  const { runs, scheduleStatus } = world.collections;
  await runs.deleteMany({});
  const nextAt = new Date(Math.ceil(downSinceMs / MINUTE_MS) * MINUTE_MS);
  const handledThrough = new Date(downSinceMs);
  await scheduleStatus.updateMany({}, { $set: { handledThrough, nextAt, line: [] } });
}

/** Starts the role again; resolves with the records once all of the downtime are final. */
async function recover(world: World, downUntilMs: number, { handledBy }: Moment): Promise<Run[]> {
  const { runs, scheduleStatus } = world.collections;
  await world.spawn('bot-scheduler');
  const behind = { nextAt: { $lte: new Date(downUntilMs) } };
  await until(async () => (await scheduleStatus.countDocuments(behind)) === 0, {
    timeoutMs: 20_000,
    what: 'the downtime being handled',
  });
  const minuteMs = Math.floor(downUntilMs / MINUTE_MS) * MINUTE_MS;
  if (Date.now() > minuteMs + handledBy * 1000)
    throw new Error(`It was not handled by second ${handledBy}: the machine is too busy for this`);
  await until(async () => (await runs.countDocuments({ open: true })) === 0, {
    timeoutMs: 30_000,
    what: 'all runs being over',
  });
  if (Date.now() > minuteMs + MINUTE_MS)
    throw new Error('The next minute came first: the machine is too busy for this');
  return runs.find({}).toArray();
}

/** What differs from the policy, in words. */
function compare(each: Schedule, records: readonly Run[], nowMs: number): string[] {
  const name = `${JSON.stringify(each.misfire)} with overlap ${each.overlap}`;
  const nominals = records.map(({ nominal }) => nominal.getTime()).toSorted((a, b) => a - b);
  const expected = expectedOf(each, nominals, nowMs);
  const started = records
    .filter(({ startedAt }) => startedAt !== undefined)
    .toSorted((a, b) => (a.startedAt?.getTime() ?? 0) - (b.startedAt?.getTime() ?? 0));
  const inOrder = started.every(
    ({ nominal }, index) => index === 0 || nominal > (started[index - 1]?.nominal ?? nominal),
  );
  return [
    ...records.flatMap((record) => {
      const wanted = expected.get(record.nominal.getTime());
      const found = outcomeOf(record);
      const right = found === wanted && record.reason !== '';
      return right
        ? []
        : [`${name}: ${record._id} should be ${wanted ?? 'nothing'} and is ${found}: ${record.reason}`];
    }),
    ...(inOrder || each.overlap === 'allow' ? [] : [`${name}: the runs did not go in order`]),
  ];
}

function outcomeOf({ state, cause }: Run): string {
  if (state !== 'succeeded') return state;
  return cause === 'tick' ? 'on time' : cause;
}

function figures(outcomes: readonly Outcome[]): Figure[] {
  const sum = (name: string, count: (outcome: Outcome) => number): Figure => {
    const runs = outcomes.map(count);
    return { name, value: runs.reduce((total, one) => total + one, 0), unit: 'records', runs };
  };
  return [
    { ...sum('records that differ', ({ differences }) => differences.length), limit: { atMost: 0 } },
    sum('due', ({ due }) => due),
    ...MISFIRES.map((misfire) =>
      sum(`${Object.values(misfire).join(' ')} ran`, ({ schedules, records }) => {
        const ids = new Set(schedules.filter((each) => each.misfire === misfire).map(({ id }) => id));
        return records.filter(({ scheduleId, state }) => ids.has(scheduleId) && state === 'succeeded').length;
      }),
    ),
  ];
}
