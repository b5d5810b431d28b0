import { alarmTime } from '../../queues/alarm-time.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { timingOf } from '../../model/cron/parse.ts';
import type { ScheduleLook } from '../../producers/schedules/planner.ts';
import { until } from '../support/poll.ts';
import { scheduleWorld, type ScheduleWorld } from './schedules-world.ts';

const YEARLY = timingOf('CRON_TZ=UTC 0 0 1 1 *');
const newYear = (): number => YEARLY.next(Date.now()) ?? NaN;
const newYearAlarm = (): number => alarmTime(YEARLY, Date.now()) ?? NaN;
let world: ScheduleWorld;
let stop: AbortController;
let running: Promise<void>;
let looks: ScheduleLook[];

beforeEach(async () => {
  world = await scheduleWorld();
  stop = new AbortController();
  looks = [];
});
afterEach(async () => {
  stop.abort();
  await running;
  await world[Symbol.asyncDispose]();
});

async function run(options: Parameters<ScheduleWorld['scheduling']>[0] = {}): Promise<void> {
  running = world.scheduling({ onLook: (look) => void looks.push(look), ...options }).run(stop.signal);
  // One at the start, one since Redis is new to us, one as the change streams begin.
  await until(() => looks.length >= (options.polling === true ? 2 : 4));
}
const phaseOf = async (id: string) => (await world.collections.scheduleStatus.findOne({ _id: id }))?.phase;

describe('Scheduling', () => {
  it('tells of its rounds also when no look can be had', async () => {
    let rounds = 0;
    const refusing = Object.create(world.queues) as typeof world.queues;
    refusing.setRunsAtOnce = () => Promise.reject(new Error('Redis is away'));
    running = world
      .scheduling({
        queues: refusing,
        onLook: (look) => void looks.push(look),
        onRound: () => void (rounds += 1),
      })
      .run(stop.signal);
    await until(() => rounds >= 3);
    expect(looks).toEqual([]);
  });

  it('follows documents and holds at once, and its own writes not at all', async () => {
    await run();
    const id = await world.create();
    await until(async () => (await phaseOf(id)) === 'active');
    await world.collections.holds.insertOne({ _id: id, who: 'ann', why: 'x', at: new Date() });
    await until(async () => (await phaseOf(id)) === 'paused');
    await world.collections.holds.deleteOne({ _id: id });
    await until(async () => (await phaseOf(id)) === 'active');
    await until(async () => (await world.announced(id)) === newYear());

    // Whether a write woke the planner shows by what it would have mended.
    await world.collections.scheduleStatus.updateOne({ _id: id }, { $set: { reason: 'not looked at' } });
    await world.collections.schedules.updateOne({ id }, { $set: { next_execution_time: 7 } });
    await world.collections.schedules.updateOne({ id }, { $unset: { next_execution_time: true } });
    const other = await world.create();
    await until(async () => (await phaseOf(other)) === 'active');
    expect((await world.status(id)).reason).toBe('not looked at');
    await world.collections.schedules.updateOne(
      { id },
      { $set: { next_execution_time: 8, 'config.symbols': ['BTC'] } },
    );
    await until(async () => (await world.status(id)).reason !== 'not looked at');

    await world.collections.schedules.deleteOne({ id });
    await until(async () => (await phaseOf(id)) === undefined);
    // The alarm goes right after the status.
    await until(async () => (await world.alarm(id)) === undefined);
    expect([...(await world.queues.alarms()).keys()]).toEqual([other]);
  });

  it('rebuilds alarms, jobs of runs and the limit after Redis was emptied', async () => {
    await run();
    const id = await world.create();
    await until(async () => (await world.alarm(id)) === newYearAlarm());
    const runId = await world.addRun(id, 'running');
    await world.collections.scheduleStatus.updateOne({ _id: id }, { $set: { line: [runId] } });
    const keys = await world.redis.keys(`${world.queues.ticks.opts.prefix}:*`);
    await world.redis.del(...keys);
    await until(async () => (await world.alarm(id)) === newYearAlarm());
    await until(async () => (await world.queues.runsWithJobs([runId])).has(runId));
    expect(await world.queues.runs.getGlobalConcurrency()).toBe(7);
  });

  it('calls for what is overdue, once however often it looks, and not for what is due just now', async () => {
    const [id, other] = [await world.create(), await world.create()];
    await world.planner.plan([id, other]);
    const { scheduleStatus } = world.collections;
    await scheduleStatus.updateOne({ _id: other }, { $set: { nextAt: new Date(world.now - 400) } });
    await run();
    const calls = async () => {
      const jobs = await world.queues.ticks.getJobs(['waiting']);
      return jobs.map(({ data }) => data);
    };
    expect(await calls()).toEqual([]);
    const nextAt = new Date(world.now - 600);
    await scheduleStatus.updateOne({ _id: id }, { $set: { nextAt } });
    await until(async () => (await calls()).length > 0);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(await calls()).toEqual([{ scheduleId: id, cause: `overdue since ${nextAt.toISOString()}` }]);
  });

  it('looks at everything all the time where MongoDB has no change streams', async () => {
    await run({ polling: true });
    const id = await world.create();
    await until(async () => (await phaseOf(id)) === 'active');
    // The alarm is set right after the status.
    await until(async () => (await world.alarm(id)) === newYearAlarm());
  });
});
