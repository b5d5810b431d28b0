import type { Binary, Collection, MongoClient, ObjectId } from 'mongodb';
import type { BotDocument } from '../../model/bots.ts';
import type { BotStatus } from '../../model/status.ts';

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

export type Collections = {
  /** The platform's documents (contract §3.2). */
  bots: Collection<BotDocument>;
  /** Ours, in a database of our own. */
  status: Collection<BotStatus>;
  eventOrder: Collection<EventOrderDocument>;
  eventSessions: Collection<EventSessionsDocument>;
  poison: Collection<PoisonEvent>;
  leases: Collection<LeaseDocument>;
  resumeTokens: Collection<ResumeTokenDocument>;
  installation: Collection<InstallationDocument>;
  holds: Collection<HoldDocument>;
  codeVolumes: Collection<CodeVolumeDocument>;
};

export function collections(client: MongoClient, names: { bots: string; runtime: string }): Collections {
  const runtime = client.db(names.runtime);
  return {
    bots: client.db(names.bots).collection<BotDocument>('bots'),
    status: runtime.collection<BotStatus>('bot_status'),
    eventOrder: runtime.collection<EventOrderDocument>('event_order'),
    eventSessions: runtime.collection<EventSessionsDocument>('event_sessions'),
    poison: runtime.collection<PoisonEvent>('poison_events'),
    leases: runtime.collection<LeaseDocument>('leases'),
    resumeTokens: runtime.collection<ResumeTokenDocument>('resume_tokens'),
    installation: runtime.collection<InstallationDocument>('installation'),
    holds: runtime.collection<HoldDocument>('holds'),
    codeVolumes: runtime.collection<CodeVolumeDocument>('code_volumes'),
  };
}
