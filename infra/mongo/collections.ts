import type { Binary, Collection, MongoClient, ObjectId } from 'mongodb';
import type { Settings } from '../config/settings.ts';
import type { Role } from '../../model/access.ts';
import type { BotDocument } from '../../model/bots.ts';
import type { GcFindings } from '../../model/gc-report.ts';
import type { Rollout } from '../../model/rollout.ts';
import type { Run } from '../../model/runs.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';
import type { BotStatus } from '../../model/status.ts';
import type { UsageMeansDocument, UsagePointsDocument, UsageRoundDocument } from './usage-documents.ts';
import type { NotificationEpisodeDocument, NotificationMessageDocument } from './notification-documents.ts';

/** Order of an event: streams by their creation, then sequence within one. A newer stream always wins. */
export type EventOrder = { streamCreatedAt: Date; sequence: number };

/** Per bot: the newest event applied to it; `deletedAt` makes it a tombstone. */
export type EventOrderDocument = EventOrder & { _id: string; deletedAt?: Date };

/** The sessions in which an event consumer runs its transactions, for its successor to end. */
export type EventSessionsDocument = { _id: string; ids: Binary[] };

/** A message that could not be understood, kept for inspection. `payload` is bounded. */
export type PoisonEvent = {
  _id: ObjectId;
  subject: string;
  reason: string;
  payload: string;
  payloadBytes: number;
  streamCreatedAt?: Date;
  sequence?: number;
  at: Date;
};

/** A short lease: one holder at a time of a consumer, a follower, the planner. */
export type LeaseDocument = { _id: string; owner: string; until: Date; term: number };

/** Where a change stream resumes. */
export type ResumeTokenDocument = { _id: string; token: unknown; at: Date };

/** Facts stored at first use: `engine` → the engine's id. */
export type InstallationDocument = { _id: string; value: string; at: Date };

/** An operator's wish that a bot shall not run, whatever its owner wants. */
export type HoldDocument = { _id: string; who: string; why: string; at: Date };

/**
 * An operator's wish that a bot be stopped in order and started anew, once, or tried again. `count` rises with each wish, and
 * is on the label of the container that fulfils it. It is seeded by MongoDB's clock, so that it goes on rising after this
 * document was deleted, or an older database restored.
 */
export type RestartDocument = {
  _id: string;
  count: number;
  who: string;
  why: string;
  at: Date;
  /** The roll-out that wished it, so that one that goes on after a crash does not wish it twice. */
  rollout?: string;
};

/**
 * How far back the records of a schedule's ticks are complete: of nominal times before `recordsFrom`, records may have been
 * deleted. Written before they are. Outlives the schedule's status, as its id may come back.
 */
export type RunRetentionDocument = { _id: string; recordsFrom: Date };

/** Unpacked code on the engine: `_id` is the content id. Written only once the volume is complete. */
export type CodeVolumeDocument = {
  _id: string;
  volume: string;
  engineId: string;
  /** Bucket keys this content was last seen under. */
  keys: string[];
  bytes: number;
  entries: number;
  /** Top-level names and every file path's facts that entry-point checks need. */
  files: { path: string; directory: boolean; executable: boolean }[];
  createdAt: Date;
  lastUsedAt: Date;
};

/** An image that this installation pulled: `_id` is the reference by which it did. What others pulled has none. */
export type PulledImageDocument = {
  _id: string;
  /** Its immutable id on the engine. */
  imageId: string;
  pulledAt: Date;
  /** About when a start last asked for it, or a container was last seen that uses it. */
  usedAt: Date;
};

/**
 * How a bot's log of the day stands: a hint, for those who decide when to ask for the next flush. The truth travels with the
 * object itself.
 */
export type BotLogDocument = {
  _id: string;
  /** `YYYYMMDD`, UTC. */
  day: string;
  /** Size of that day's object. */
  bytes: number;
  flushedAt: Date;
  /** Bytes left out for a limit, this day. */
  droppedBytes: number;
};

/** The last entry told of a stream: its time (`LogLine.time`), and how many of that time are told; parts of a line share it. */
export type LogStreamPosition = { time: string; count: number };
export type LogPosition = { stdout?: LogStreamPosition; stderr?: LogStreamPosition };

/** How far the live log of a container was published: where a follower goes on after another. */
export type LogPositionDocument = LogPosition & {
  /** Container id. */
  _id: string;
  botId: string;
  /** The follower left it in order: nothing was published beyond it. */
  settled: boolean;
  at: Date;
};

/** What is known of a bot's state: which archive its volume came from or went to, and what is to be done about it. */
export type BotStateDocument = {
  /** Id of the bot or schedule. */
  _id: string;
  /** Archive that the volume agreed with last; null: that there was none. Absent: not known. */
  etag?: string | null;
  /** Fingerprint of the volume's listing at that moment. */
  listing?: string;
  /** Digest of what the archive holds, file by file: what did not change is not uploaded again. */
  content?: string;
  /** Which volume that was, by its label `the0.made`: a new one of the same name has nothing of it. */
  volume?: string;
  /** Counts the times that the volume was filled from an archive, or emptied: what was read before is not saved after. */
  epoch?: number;
  /** The volume is being filled. Left over, that was interrupted: nothing of it is saved, and it is done again. */
  restoring?: true;
  savedAt?: Date;
  restoredAt?: Date;
  bytes?: number;
  files?: number;
  /** The platform changed or deleted the archive: the bot is to be restarted with it. null: the archive was deleted. */
  platformEtag?: string | null;
  platformAt?: Date;
  /** A person deleted its state: nothing of the volume is saved, and the next start empties it. */
  discard?: { who: string; at: Date };
  /** An archive that no start could take, by these limits: another one, or more that is allowed, is worth another start. */
  refused?: { etag: string; maxBytes: number; maxFiles: number; at: Date };
  /** Files that are not saved, with why, bounded; shown in the status. */
  problems?: string[];
  /** The volume is over its limit, measured: the bot is stopped with this reason until it or the limit changes. */
  overLimit?: { reason: string; at: Date };
  updatedAt: Date;
};

/**
 * How a bot's queries are answered: what the query server asks for, and what a processor made of it. Times are for judging
 * idleness alone.
 */
export type QueryContainerDocument = {
  /** Id of the bot or schedule. */
  _id: string;
  /**
   * `ready`: a container was started at `address`, and listens or will soon. `single-shot`: its program does not serve, so it
   * is run anew for each query. `failed`: as `problem` says; tried again at the next query.
   */
  state: 'preparing' | 'ready' | 'single-shot' | 'failed';
  /** Of the bot's document as it was when the state was reached: another one means another container. */
  fingerprint: string;
  /** Counts what processors wrote, so that an answer to what was asked is told from one of before. */
  revision: number;
  containerId?: string;
  /** Where it answers, `host:port`. */
  address?: string;
  /** Set by the query server once the container has answered it. */
  listening?: string;
  /** Container that the query server found gone or hanging: to be replaced. */
  broken?: string;
  /** Container that never listened: its program does not serve. */
  silent?: string;
  /** Why it failed, in words, and with which HTTP status that is answered. */
  problem?: { reason: string; status: number };
  /** The query servers' own containers, where they run in some: who wants to be joined, and who was. */
  servers?: string[];
  joined?: string[];
  /** Those of them that the engine does not know: they reach containers as its host does. */
  strangers?: string[];
  usedAt: Date;
  updatedAt: Date;
};

/** One query of a bot whose program does not serve: given to a processor, and answered in the same document. */
export type QueryRequestDocument = {
  _id: string;
  botId: string;
  path: string;
  /** As JSON, since a key of a parameter may be anything. */
  params: string;
  timeoutMs: number;
  /** The program's answer as JSON text, or why there is none. */
  answer?: string;
  problem?: { reason: string; status: number };
  createdAt: Date;
};

/** One sweep of the garbage collection: what went and why. Bounded. */
export type GcReportDocument = GcFindings & {
  _id: ObjectId;
  /** What was swept: buckets and records, or the engine. */
  part: 'storage' | 'engine';
  /** Of storage: whether whole buckets were looked through, or only what belongs to bots deleted of late. */
  full: boolean;
  startedAt: Date;
  endedAt: Date;
  /** Set when nothing was deleted, since too much would have been. */
  stopped?: string;
};

/** A token of the control API: `_id` is its public part. Of the secret part there is only a hash. */
export type ApiTokenDocument = {
  _id: string;
  name: string;
  role: Role;
  /** SHA-256 of the whole text, hex. */
  hash: string;
  createdAt: Date;
  createdBy: string;
  /** Absent: it does not expire. */
  expiresAt?: Date;
  revokedAt?: Date;
  revokedBy?: string;
  /** To the minute. */
  usedAt?: Date;
};

/** Of a browser that is logged in. It ends with its token, when it is not used, and at `endsAt` in any case. */
export type BrowserSessionDocument = {
  /** SHA-256 of what the cookie holds, hex. */
  _id: string;
  tokenId: string;
  createdAt: Date;
  /** To the minute or so. */
  usedAt: Date;
  endsAt: Date;
};

/** Who did what by the control API: written before the act, with the outcome `begun`, and completed after it. */
export type AuditDocument = {
  _id: ObjectId;
  at: Date;
  who: string;
  role: Role;
  /** Of the caller; absent at a command line. */
  tokenId?: string;
  /** Such as `BotService/StopBot`. */
  what: string;
  /** Id of the bot, schedule, run or token that it was about; empty: of none. */
  target: string;
  why: string;
  /** `begun`, `done`, or the code of the error. `begun` of long ago: whoever did it died meanwhile. */
  outcome: string;
  /** What came of it, or the error's text. */
  message?: string;
  endedAt?: Date;
};

/** Something that happened to a bot, schedule or run, for those who ask later. */
export type HistoryDocument = {
  /** Named by the change, or the platform's event, by which it was seen, so that it is put down once; sorts as changes came. */
  _id: string;
  at: Date;
  kind: 'phase' | 'run' | 'removed' | 'hold' | 'restart' | 'deploy' | 'gap';
  /** Empty: of a bot or a schedule, whichever there is by that id; of a gap: of none. */
  subject: 'bot' | 'schedule' | 'run' | '';
  id: string;
  /** Of a run. */
  schedule?: string;
  /** Whose stories it belongs to: its own, and that of its schedule. */
  story: string[];
  /** Phase or state; of a deploy: version. */
  before: string;
  after: string;
  /** In plain words. */
  text: string;
  who?: string;
};

/** A changing request with an idempotency key: done once, and answered alike for a day. */
export type IdempotencyDocument = {
  /** Whose key, and the key. */
  _id: { caller: string; key: string };
  what: string;
  /** SHA-256 of the request, hex. */
  hash: string;
  /** Names the attempt that is at it, so that one that was given up does not answer for its successor. */
  attempt: string;
  begunAt: Date;
  /** Once it is done: the answer, without what must not be kept. */
  response?: Binary;
  at: Date;
};

/** A process of the installation, as it said itself a moment ago. */
export type ProcessDocument = {
  /** Its name in locks and leases. */
  _id: string;
  service: string;
  version: string;
  host: string;
  startedAt: Date;
  seenAt: Date;
  /** What it misses (`/readyz`); empty: nothing. */
  problems: string[];
  /** Whether it holds the engine's socket. */
  engine: boolean;
};

/** Which trace a bot's or schedule's newest wish is part of: what a change stream does not carry. Only while traces are made. */
export type WishTraceDocument = { _id: string; traceparent: string; at: Date };

export type Collections = {
  /** The platform's documents (contract §3.2). */
  bots: Collection<BotDocument>;
  schedules: Collection<ScheduleDocument>;
  /** Ours, in a database of our own. */
  status: Collection<BotStatus>;
  scheduleStatus: Collection<ScheduleStatus>;
  runs: Collection<Run>;
  runRetention: Collection<RunRetentionDocument>;
  eventOrder: Collection<EventOrderDocument>;
  scheduleEventOrder: Collection<EventOrderDocument>;
  eventSessions: Collection<EventSessionsDocument>;
  poison: Collection<PoisonEvent>;
  leases: Collection<LeaseDocument>;
  resumeTokens: Collection<ResumeTokenDocument>;
  installation: Collection<InstallationDocument>;
  /** Of bots and schedules: their ids never meet. */
  holds: Collection<HoldDocument>;
  restarts: Collection<RestartDocument>;
  rollouts: Collection<Rollout>;
  codeVolumes: Collection<CodeVolumeDocument>;
  pulledImages: Collection<PulledImageDocument>;
  botLogs: Collection<BotLogDocument>;
  logPositions: Collection<LogPositionDocument>;
  botState: Collection<BotStateDocument>;
  queryContainers: Collection<QueryContainerDocument>;
  queryRequests: Collection<QueryRequestDocument>;
  gcReports: Collection<GcReportDocument>;
  apiTokens: Collection<ApiTokenDocument>;
  browserSessions: Collection<BrowserSessionDocument>;
  audit: Collection<AuditDocument>;
  idempotency: Collection<IdempotencyDocument>;
  history: Collection<HistoryDocument>;
  processes: Collection<ProcessDocument>;
  wishTraces: Collection<WishTraceDocument>;
  usageRounds: Collection<UsageRoundDocument>;
  usagePoints: Collection<UsagePointsDocument>;
  usageMeans: Collection<UsageMeansDocument>;
  notifications: Collection<NotificationEpisodeDocument>;
  notificationOutbox: Collection<NotificationMessageDocument>;
};

export type DatabaseNames = { bots: string; schedules: string; runtime: string };

export const databaseNames = (
  settings: Pick<Settings, 'MONGO_BOTS_DATABASE' | 'MONGO_SCHEDULES_DATABASE' | 'MONGO_RUNTIME_DATABASE'>,
): DatabaseNames => ({
  bots: settings.MONGO_BOTS_DATABASE,
  schedules: settings.MONGO_SCHEDULES_DATABASE,
  runtime: settings.MONGO_RUNTIME_DATABASE,
});

export function collections(client: MongoClient, names: DatabaseNames): Collections {
  const runtime = client.db(names.runtime);
  return {
    bots: client.db(names.bots).collection<BotDocument>('bots'),
    schedules: client.db(names.schedules).collection<ScheduleDocument>('bot_schedules'),
    status: runtime.collection<BotStatus>('bot_status'),
    scheduleStatus: runtime.collection<ScheduleStatus>('schedule_status'),
    runs: runtime.collection<Run>('runs'),
    runRetention: runtime.collection<RunRetentionDocument>('run_retention'),
    eventOrder: runtime.collection<EventOrderDocument>('event_order'),
    scheduleEventOrder: runtime.collection<EventOrderDocument>('schedule_event_order'),
    eventSessions: runtime.collection<EventSessionsDocument>('event_sessions'),
    poison: runtime.collection<PoisonEvent>('poison_events'),
    leases: runtime.collection<LeaseDocument>('leases'),
    resumeTokens: runtime.collection<ResumeTokenDocument>('resume_tokens'),
    installation: runtime.collection<InstallationDocument>('installation'),
    holds: runtime.collection<HoldDocument>('holds'),
    restarts: runtime.collection<RestartDocument>('restarts'),
    rollouts: runtime.collection<Rollout>('rollouts'),
    codeVolumes: runtime.collection<CodeVolumeDocument>('code_volumes'),
    pulledImages: runtime.collection<PulledImageDocument>('pulled_images'),
    botLogs: runtime.collection<BotLogDocument>('bot_logs'),
    logPositions: runtime.collection<LogPositionDocument>('log_positions'),
    botState: runtime.collection<BotStateDocument>('bot_state'),
    queryContainers: runtime.collection<QueryContainerDocument>('query_containers'),
    queryRequests: runtime.collection<QueryRequestDocument>('query_requests'),
    gcReports: runtime.collection<GcReportDocument>('gc_reports'),
    apiTokens: runtime.collection<ApiTokenDocument>('api_tokens'),
    browserSessions: runtime.collection<BrowserSessionDocument>('browser_sessions'),
    audit: runtime.collection<AuditDocument>('audit'),
    idempotency: runtime.collection<IdempotencyDocument>('idempotency'),
    history: runtime.collection<HistoryDocument>('history'),
    processes: runtime.collection<ProcessDocument>('processes'),
    wishTraces: runtime.collection<WishTraceDocument>('wish_traces'),
    usageRounds: runtime.collection<UsageRoundDocument>('usage_rounds'),
    usagePoints: runtime.collection<UsagePointsDocument>('usage_points'),
    usageMeans: runtime.collection<UsageMeansDocument>('usage_means'),
    notifications: runtime.collection<NotificationEpisodeDocument>('notifications'),
    notificationOutbox: runtime.collection<NotificationMessageDocument>('notification_outbox'),
  };
}
