import { createClient, type Client, type Transport } from '@connectrpc/connect';
import type { DescService } from '@bufbuild/protobuf';
import { BotService } from '../../proto/gen/the0/runtime/v1/bots_pb.js';
import { EventService } from '../../proto/gen/the0/runtime/v1/events_pb.js';
import { InstallationService } from '../../proto/gen/the0/runtime/v1/installation_pb.js';
import { LogService } from '../../proto/gen/the0/runtime/v1/logs_pb.js';
import { QueryService } from '../../proto/gen/the0/runtime/v1/queries_pb.js';
import { QueueService } from '../../proto/gen/the0/runtime/v1/queues_pb.js';
import { RunService } from '../../proto/gen/the0/runtime/v1/runs_pb.js';
import { ScheduleService } from '../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { StateService } from '../../proto/gen/the0/runtime/v1/state_pb.js';
import { UsageService } from '../../proto/gen/the0/runtime/v1/usage_pb.js';

/** The control API as commands call it, wherever it is answered. */
export type Api = {
  bots: Client<typeof BotService>;
  schedules: Client<typeof ScheduleService>;
  runs: Client<typeof RunService>;
  state: Client<typeof StateService>;
  queries: Client<typeof QueryService>;
  queues: Client<typeof QueueService>;
  events: Client<typeof EventService>;
  logs: Client<typeof LogService>;
  usage: Client<typeof UsageService>;
  installation: Client<typeof InstallationService>;
};

export function apiOver(transport: Transport): Api {
  const client = <S extends DescService>(service: S): Client<S> => createClient(service, transport);
  return {
    bots: client(BotService),
    schedules: client(ScheduleService),
    runs: client(RunService),
    state: client(StateService),
    queries: client(QueryService),
    queues: client(QueueService),
    events: client(EventService),
    logs: client(LogService),
    usage: client(UsageService),
    installation: client(InstallationService),
  };
}
