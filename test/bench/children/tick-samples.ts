import { Worker, type Job } from 'bullmq';
import { TickMetrics } from '../../../processors/ticks/metrics.ts';

/** As BullMQ names the jobs of its job schedulers: `repeat:<id>:<epoch milliseconds>`. */
const ALARM = /^repeat:.+:(\d+)$/;

/** Milliseconds from the nominal time, since the last answer. */
export type TickAnswer = {
  /** Until the alarm's own job was taken: the event right before its handler is called, in ours and in bare BullMQ alike. */
  alarmMs: number[];
  /** Ours: until the handler began that had the tick in hand, which may be another alarm's of the same second. */
  takenMs: number[];
};

/** Measures how late ticks of a queue are; on SIGUSR2 prints a `TickAnswer`. To be called before workers are made. */
export function sampleTicks(queue: string): void {
  let answer: TickAnswer = { alarmMs: [], takenMs: [] };
  const onActive = (job: Job): void => {
    const nominal = ALARM.exec(job.id ?? '')?.[1];
    if (nominal !== undefined) answer.alarmMs.push(Date.now() - Number(nominal));
  };
  before(Worker.prototype, 'run', (worker) => {
    if (worker.name === queue) worker.on('active', onActive);
  });
  before(TickMetrics.prototype, 'count', (_metrics, [{ nominalMs }, takenMs]) => {
    answer.takenMs.push(Math.round((takenMs - nominalMs) * 10) / 10);
  });
  process.on('SIGUSR2', () => {
    console.log(JSON.stringify(answer));
    answer = { alarmMs: [], takenMs: [] };
  });
}

type Methods<Name extends string> = Record<Name, (...args: never[]) => unknown>;

/** Calls `look` before each call of a method of a class. */
function before<Name extends string, Self extends Methods<Name>>(
  prototype: Self,
  name: Name,
  look: (self: Self, args: Parameters<Self[Name]>) => void,
): void {
  const method = prototype[name] as unknown as (this: Self, ...args: unknown[]) => unknown;
  Object.defineProperty(prototype, name, {
    value(this: Self, ...args: Parameters<Self[Name]>): unknown {
      look(this, args);
      return method.apply(this, args);
    },
  });
}
