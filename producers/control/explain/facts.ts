import type {
  BotStateDocument,
  EventOrderDocument,
  HoldDocument,
  PoisonEvent,
  RestartDocument,
} from '../../../infra/mongo/collections.ts';
import type { BotDocument } from '../../../model/bots.ts';
import type { Rollout } from '../../../model/rollout.ts';
import type { Run } from '../../../model/runs.ts';
import type { ScheduleStatus } from '../../../model/schedule-status.ts';
import type { ScheduleDocument } from '../../../model/schedules.ts';
import type { BotStatus } from '../../../model/status.ts';
import type { JobFact } from '../../../queues/job-facts.ts';
import type { QueueName } from '../../../queues/names.ts';
import type { LiveProcess } from '../installation/processes.ts';

/** What MongoDB knows of an id. Absent: there is none. */
export type StoreFacts = {
  bot?: BotDocument | undefined;
  schedule?: ScheduleDocument | undefined;
  status?: BotStatus | undefined;
  scheduleStatus?: ScheduleStatus | undefined;
  hold?: HoldDocument | undefined;
  restart?: RestartDocument | undefined;
  /** The newest event of it, or its tombstone. */
  order?: EventOrderDocument | undefined;
  scheduleOrder?: EventOrderDocument | undefined;
  /** Events that name it and could not be understood, newest first. */
  poison: readonly Pick<PoisonEvent, 'subject' | 'reason' | 'at' | 'streamCreatedAt' | 'sequence'>[];
  state?: BotStateDocument | undefined;
  /** One that is not over and that it is part of. */
  rollout?: Pick<Rollout, '_id' | 'who' | 'why' | 'next' | 'bots' | 'current'> | undefined;
  processes: readonly LiveProcess[];
  /** Of a schedule: its runs that are not over, in line. */
  runs: readonly Run[];
};

/** What Redis knows of it. */
export type QueueFacts = {
  jobs: readonly JobFact[];
  /** Processors that take the jobs which it needs. */
  processors: number;
  /** Of the queues that its jobs go to, those that an operator has paused. */
  paused: readonly QueueName[];
  /** Of a schedule. */
  alarmAt?: Date | undefined;
};

/** `store`, `queue`: absent where MongoDB or Redis could not be asked, as `unknown` says. */
export type Facts = {
  id: string;
  now: Date;
  installation: string;
  store?: StoreFacts | undefined;
  queue?: QueueFacts | undefined;
  unknown: string[];
};

/** Which process does what one does alone; undefined: nobody at present. */
export const holderOf = (
  { installation, store }: Facts,
  lease: 'planner' | 'scheduler',
): LiveProcess | undefined =>
  store?.processes.find(({ leases }) => leases.includes(`${installation}:${lease}`));
