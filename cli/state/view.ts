import type { State, StateSummary } from '../../proto/gen/the0/runtime/v1/state_pb.js';
import { iso, isoOf, text } from '../client/views/fields.ts';

/** Everything about one bot's state, for people and programs. Times are ISO texts. */
export type StateView = {
  id: string;
  /** What is in object storage; null: nothing. */
  archive: { at: string; bytes: number; files: number; keys: { key: string; bytes: number }[] } | null;
  /** Why the archive cannot be read. */
  unreadable: string | null;
  earlier: { name: string; at: string; bytes: number }[];
  savedAt: string | null;
  restoredAt: string | null;
  /** The platform changed it, and the bot does not have that yet. */
  platformChangedAt: string | null;
  /** It was deleted by hand, and the bot was not started without yet. */
  deletedAt: string | null;
  problems: readonly string[];
  overLimit: string | null;
};

/** Pure. */
export function stateView(state: State): StateView {
  const { archive } = state;
  return {
    id: state.id,
    archive:
      archive === undefined
        ? null
        : {
            at: isoOf(archive.at),
            bytes: Number(archive.bytes),
            files: archive.files,
            keys: archive.keys.map(({ key, bytes }) => ({ key, bytes: Number(bytes) })),
          },
    unreadable: text(state.unreadable),
    earlier: state.earlier.map(({ name, at, bytes }) => ({ name, at: isoOf(at), bytes: Number(bytes) })),
    savedAt: iso(state.savedAt),
    restoredAt: iso(state.restoredAt),
    platformChangedAt: iso(state.platformChangedAt),
    deletedAt: iso(state.deletedAt),
    problems: state.problems,
    overLimit: text(state.overLimit),
  };
}

/** One of all states. */
export type StateSummaryView = {
  id: string;
  savedAt: string | null;
  bytes: number;
  files: number;
  problems: number;
  overLimit: string | null;
};

export const stateSummaryView = (state: StateSummary): StateSummaryView => ({
  id: state.id,
  savedAt: iso(state.savedAt),
  bytes: Number(state.bytes),
  files: state.files,
  problems: state.problems,
  overLimit: text(state.overLimit),
});
