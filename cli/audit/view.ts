import type { AuditEntry } from '../../proto/gen/the0/runtime/v1/events_pb.js';
import { iso, isoOf, text } from '../client/views/fields.ts';

/** What somebody did, as `audit --json` shows it. */
export type AuditView = {
  id: string;
  at: string;
  who: string;
  role: string;
  what: string;
  target: string | null;
  why: string | null;
  /** `done`, `begun`, or the code of the error. */
  outcome: string;
  message: string | null;
  endedAt: string | null;
};

export const auditView = (entry: AuditEntry): AuditView => ({
  id: entry.id,
  at: isoOf(entry.at),
  who: entry.who,
  role: entry.role,
  what: entry.what,
  target: text(entry.target),
  why: text(entry.why),
  outcome: entry.outcome,
  message: text(entry.message),
  endedAt: iso(entry.endedAt),
});
