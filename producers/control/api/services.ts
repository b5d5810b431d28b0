import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect';
import type { DescService } from '@bufbuild/protobuf';
import { BotService } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { EventService } from '../../../proto/gen/the0/runtime/v1/events_pb.js';
import { InstallationService } from '../../../proto/gen/the0/runtime/v1/installation_pb.js';
import { LogService } from '../../../proto/gen/the0/runtime/v1/logs_pb.js';
import { QueryService } from '../../../proto/gen/the0/runtime/v1/queries_pb.js';
import { QueueService } from '../../../proto/gen/the0/runtime/v1/queues_pb.js';
import { RunService } from '../../../proto/gen/the0/runtime/v1/runs_pb.js';
import { ScheduleService } from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { StateService } from '../../../proto/gen/the0/runtime/v1/state_pb.js';
import { UsageService } from '../../../proto/gen/the0/runtime/v1/usage_pb.js';
import { answeringAgain } from './answered.ts';

/** What a process can answer; what it leaves out is answered with UNIMPLEMENTED. */
export type ApiServices = {
  bots?: Partial<ServiceImpl<typeof BotService>>;
  schedules?: Partial<ServiceImpl<typeof ScheduleService>>;
  runs?: Partial<ServiceImpl<typeof RunService>>;
  logs?: Partial<ServiceImpl<typeof LogService>>;
  events?: Partial<ServiceImpl<typeof EventService>>;
  state?: Partial<ServiceImpl<typeof StateService>>;
  queries?: Partial<ServiceImpl<typeof QueryService>>;
  queues?: Partial<ServiceImpl<typeof QueueService>>;
  usage?: Partial<ServiceImpl<typeof UsageService>>;
  installation?: Partial<ServiceImpl<typeof InstallationService>>;
};

/** Of the API, in the order in which it is described. */
export const API_SERVICES = [
  BotService,
  ScheduleService,
  RunService,
  LogService,
  EventService,
  StateService,
  QueryService,
  QueueService,
  UsageService,
  InstallationService,
] as const;

/**
 * Answers from this size on are compressed for clients that take it. What a stream tells many readers as it comes is smaller:
 * compressing it anew for each of them would cost more than all else.
 */
const COMPRESSED_BYTES = 16 * 1024;

/** All of the API, one set of handlers for every way to reach them. */
export function registerServices(router: ConnectRouter, services: ApiServices): void {
  const add = <S extends DescService>(service: S, handlers: Partial<ServiceImpl<S>> = {}): void =>
    void router.service(service, answeringAgain(service, handlers), { compressMinBytes: COMPRESSED_BYTES });
  add(BotService, services.bots);
  add(ScheduleService, services.schedules);
  add(RunService, services.runs);
  add(LogService, services.logs);
  add(EventService, services.events);
  add(StateService, services.state);
  add(QueryService, services.queries);
  add(QueueService, services.queues);
  add(UsageService, services.usage);
  add(InstallationService, services.installation);
}
