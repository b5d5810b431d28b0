import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { delayedScoreMs } from './delayed-score.ts';
import type { QueueName } from './names.ts';

/** A job of one bot, schedule or run, as far as somebody who asks why has to know. */
export type JobFact = {
  queue: QueueName;
  id: string;
  state: 'waiting' | 'delayed' | 'active' | 'failed';
  /** In plain words. */
  cause: string;
  /** How often it was taken. */
  attempts: number;
  addedAt: Date;
  /** When a delayed one may be taken. */
  dueAt?: Date;
  takenAt?: Date;
  endedAt?: Date;
  failedReason?: string;
  /** A newer one waits for the end of this one, which is active. */
  followed: boolean;
};

/** The newest failed jobs are looked through for those of a bot: failed ones are found under no id. */
const FAILED_LOOKED_AT = 500;

const STATES: Readonly<Record<string, JobFact['state']>> = {
  waiting: 'waiting',
  prioritized: 'waiting',
  'waiting-children': 'waiting',
  delayed: 'delayed',
  active: 'active',
};

/** Looks jobs up by whom they are about. Reads alone, a few commands for each question. */
export class JobFacts {
  readonly #redis: Redis;
  readonly #queues: Readonly<Partial<Record<QueueName, Queue>>>;

  constructor(options: { redis: Redis; queues: Readonly<Partial<Record<QueueName, Queue>>> }) {
    this.#redis = options.redis;
    this.#queues = options.queues;
  }

  /** The jobs of that deduplication id that wait, are delayed or active, one at most for each queue. */
  async of(queues: readonly QueueName[], id: string): Promise<JobFact[]> {
    const found = await Promise.all(queues.map((name) => this.#one(name, id)));
    return found.flatMap((fact) => fact ?? []);
  }

  /** The newest failed job of the bot or run. */
  async failed(queues: readonly QueueName[], id: string): Promise<JobFact[]> {
    const found = await Promise.all(queues.map((name) => this.#newestFailed(name, id)));
    return found.flatMap((fact) => fact ?? []);
  }

  /** How many processors take jobs of the queue. */
  async processors(name: QueueName): Promise<number> {
    return (await this.#queues[name]?.getWorkersCount()) ?? 0;
  }

  /** Those of the queues that an operator has paused. */
  async paused(names: readonly QueueName[]): Promise<QueueName[]> {
    const paused = await Promise.all(names.map(async (name) => this.#queues[name]?.isPaused()));
    return names.filter((_name, at) => paused[at] === true);
  }

  /** When a schedule's alarm rings next, by the clock of whoever set it. */
  async alarmAt(scheduleId: string): Promise<Date | undefined> {
    const queue = this.#queues['schedule-tick'];
    if (queue === undefined) return undefined;
    const score = await this.#redis.zscore(queue.toKey('repeat'), scheduleId);
    return score === null ? undefined : new Date(Number(score));
  }

  async #one(name: QueueName, id: string): Promise<JobFact | undefined> {
    const queue = this.#queues[name];
    if (queue === undefined) return undefined;
    const [jobId, followed] = await Promise.all([
      this.#redis.get(queue.toKey(`de:${id}`)),
      this.#redis.exists(queue.toKey(`dn:${id}`)),
    ]);
    if (jobId === null) return undefined;
    const [job, state, score] = await Promise.all([
      queue.getJob(jobId) as Promise<Job<Data> | undefined>,
      queue.getJobState(jobId),
      this.#redis.zscore(queue.toKey('delayed'), jobId),
    ]);
    const known = STATES[state];
    // It ended in between, or its mark was left over.
    if (job === undefined || known === undefined) return undefined;
    return {
      ...factOf(name, job, known, followed === 1),
      ...(known === 'delayed' && score !== null ? { dueAt: new Date(delayedScoreMs(Number(score))) } : {}),
    };
  }

  async #newestFailed(name: QueueName, id: string): Promise<JobFact | undefined> {
    const queue = this.#queues[name];
    if (queue === undefined) return undefined;
    const ids = await this.#redis.zrevrange(queue.toKey('failed'), 0, FAILED_LOOKED_AT - 1);
    if (ids.length === 0) return undefined;
    const pipeline = this.#redis.pipeline();
    for (const jobId of ids) pipeline.hget(queue.toKey(jobId), 'data');
    const answers = (await pipeline.exec()) ?? [];
    const at = answers.findIndex(([error, data]) => error === null && isAbout(data, id));
    const jobId = ids[at];
    const job = jobId === undefined ? undefined : ((await queue.getJob(jobId)) as Job<Data> | undefined);
    return job === undefined ? undefined : factOf(name, job, 'failed', false);
  }
}

type Data = { botId?: string; runId?: string; cause?: string };

function isAbout(data: unknown, id: string): boolean {
  if (typeof data !== 'string' || !data.includes(JSON.stringify(id))) return false;
  const { botId, runId } = JSON.parse(data) as Data;
  return botId === id || runId === id;
}

function factOf(queue: QueueName, job: Job<Data>, state: JobFact['state'], followed: boolean): JobFact {
  return {
    queue,
    id: String(job.id),
    state,
    cause: job.data.cause ?? '',
    attempts: job.attemptsStarted,
    addedAt: new Date(job.timestamp),
    ...(job.processedOn === undefined ? {} : { takenAt: new Date(job.processedOn) }),
    ...(job.finishedOn === undefined ? {} : { endedAt: new Date(job.finishedOn) }),
    ...(job.failedReason === undefined || job.failedReason === '' ? {} : { failedReason: job.failedReason }),
    followed,
  };
}
