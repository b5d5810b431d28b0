import type { DescMethod } from '@bufbuild/protobuf';
import type { Role } from '../../../model/access.ts';

/** Which role a call needs at least. A test sees to it that every method of every service is here. */
export const METHOD_ROLES: Readonly<Record<string, Role>> = {
  'BotService/ListBots': 'viewer',
  'BotService/GetBot': 'viewer',
  'BotService/ExplainBot': 'viewer',
  'BotService/StartBot': 'operator',
  'BotService/StopBot': 'operator',
  'BotService/RestartBot': 'operator',
  'BotService/RestartBots': 'operator',
  'BotService/HoldBot': 'operator',
  'BotService/ReleaseBot': 'operator',
  'BotService/ListRollouts': 'viewer',
  'BotService/GetRollout': 'viewer',
  'BotService/StopRollout': 'operator',

  'ScheduleService/ListSchedules': 'viewer',
  'ScheduleService/GetSchedule': 'viewer',
  'ScheduleService/ExplainSchedule': 'viewer',
  'ScheduleService/PauseSchedule': 'operator',
  'ScheduleService/ResumeSchedule': 'operator',
  'ScheduleService/PreviewSchedule': 'viewer',

  'RunService/ListRuns': 'viewer',
  'RunService/GetRun': 'viewer',
  'RunService/RunNow': 'operator',
  'RunService/CancelRun': 'operator',
  'RunService/Backfill': 'operator',

  'LogService/GetLogs': 'viewer',
  'LogService/StreamLogs': 'viewer',

  'EventService/ListEvents': 'viewer',
  'EventService/StreamEvents': 'viewer',
  'EventService/ListAudit': 'viewer',

  'StateService/ListStates': 'viewer',
  'StateService/GetState': 'viewer',
  'StateService/GetStateValue': 'operator',
  'StateService/SaveState': 'operator',
  'StateService/RestoreState': 'operator',
  'StateService/DeleteState': 'operator',

  // A bot's own program answers, and may do what it likes with the question.
  'QueryService/Query': 'operator',

  'QueueService/ListQueues': 'viewer',
  'QueueService/ListJobs': 'viewer',
  'QueueService/RetryJob': 'operator',
  'QueueService/RemoveJob': 'operator',

  'UsageService/GetUsage': 'viewer',
  'UsageService/ListUsage': 'viewer',

  'InstallationService/GetStats': 'viewer',
  'InstallationService/WhoAmI': 'viewer',
  'InstallationService/ListTokens': 'admin',
  'InstallationService/CreateToken': 'admin',
  'InstallationService/RevokeToken': 'admin',
};

/** `BotService/StopBot`: as the audit has it. */
export const methodName = (method: DescMethod): string => `${method.parent.name}/${method.name}`;

/** Undefined: of no method of this API. */
export const leastRole = (method: DescMethod): Role | undefined =>
  method.parent.file.proto.package === 'the0.runtime.v1' ? METHOD_ROLES[methodName(method)] : undefined;

/** Health is told to everybody: who balances load, or restarts what is ill, has no token. */
export const isOpen = (method: DescMethod): boolean => method.parent.typeName === 'grpc.health.v1.Health';
