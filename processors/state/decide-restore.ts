import type { BotStateDocument } from '../../infra/mongo/collections.ts';

/** What is in S3, as far as it decides anything. */
export type PresentArchive = {
  etag: string;
  /** It was saved from this very volume, since it was last filled. */
  ofThisVolume: boolean;
  /** Not by us, and after the last change to the volume. Told only where nothing is on record. */
  editedSince?: boolean;
};

export type RestoreFacts = {
  known: Pick<BotStateDocument, 'etag' | 'volume' | 'restoring' | 'discard'> | undefined;
  /** Its label `the0.made`. */
  volume: string;
  /** It belongs to the bot's user, which is the last thing done to a new one. */
  ready: boolean;
  /** Null: there is none. */
  present: PresentArchive | null;
  /** Whether the volume holds any file. */
  empty: boolean;
};

export type RestoreStep =
  /** The volume is what it should be, or there is nothing to put on it. */
  | { kind: 'keep' }
  /** The volume is the newer of the two, and the archive is one of ours. */
  | { kind: 'adopt' }
  /** The archive goes onto the volume, in place of what is there. */
  | { kind: 'fill'; reason: string }
  /** The platform or a person deleted it: the bot starts with nothing. */
  | { kind: 'empty'; reason: string };

/**
 * Which of the two counts, the volume or the archive. The volume does, as long as it is known to be this bot's own: it is at
 * least as new as what was saved of it. The archive does where the volume is new, or somebody else wrote the archive. Pure.
 */
export function decideRestore({ known, volume, ready, present, empty }: RestoreFacts): RestoreStep {
  if (known?.restoring === true)
    return present === null
      ? { kind: 'empty', reason: 'filling its state was interrupted, and there is no archive any more' }
      : { kind: 'fill', reason: 'filling its state was interrupted' };
  const isNew = known?.volume === undefined ? !ready : known.volume !== volume;
  if (isNew) return present === null ? { kind: 'keep' } : { kind: 'fill', reason: 'its volume is new' };
  if (present === null) {
    if (known?.discard !== undefined) return { kind: 'empty', reason: 'its state was deleted by hand' };
    return typeof known?.etag === 'string'
      ? { kind: 'empty', reason: 'the platform deleted its state' }
      : { kind: 'keep' };
  }
  if (known?.etag === present.etag) return { kind: 'keep' };
  if (present.ofThisVolume) return { kind: 'adopt' };
  // Nothing is on record, as after the loss of our database: what is on the volume is at least as new as what was saved,
  // but not as what somebody else put into the bucket after the volume’s last change.
  if (known?.etag === undefined) {
    if (empty) return { kind: 'fill', reason: 'its volume is empty' };
    return present.editedSince === true
      ? { kind: 'fill', reason: 'its state was changed in object storage since' }
      : { kind: 'adopt' };
  }
  return { kind: 'fill', reason: 'the platform changed its state' };
}
