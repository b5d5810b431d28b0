import type { VolumeListing } from '../../infra/engine/port.ts';
import type { BotStateDocument } from '../../infra/mongo/collections.ts';
import type { StateDeps } from './deps.ts';
import { epochOfMark, MARK } from './mark.ts';
import { statArchive } from './put.ts';
import type { StateRecords } from './records.ts';

/** The last thing that a start does to a new volume is to give it to the bot's user, with this folder in it. */
const MADE_READY = '.the0-state';

/**
 * Our database was lost while the bot ran on: what tells that the volume is the bot’s is the archive that was saved from it,
 * or, where there is none, that a start made it ready. Where somebody else wrote the archive, the next start decides.
 */
export async function recovered(
  deps: StateDeps,
  records: StateRecords,
  {
    id,
    listing,
    signal,
  }: { id: string; listing: (VolumeListing & { made: string }) | undefined; signal: AbortSignal },
): Promise<BotStateDocument | undefined> {
  const volume = listing?.made ?? '';
  if (listing === undefined || volume === '') return undefined;
  const present = await statArchive(deps, id, signal);
  if (present === null) {
    // A first start that is held back has a volume too, and knows nothing yet of the state that belongs onto it.
    if (!listing.files.some(({ path }) => path === MADE_READY)) return undefined;
    await records.recover(id, { etag: null, volume });
  } else {
    const epoch = epochOfMark(deps.engine.installation, volume, present.metadata[MARK.volume]);
    if (epoch === undefined) return undefined;
    const content = present.metadata[MARK.content];
    await records.recover(id, {
      etag: present.etag,
      volume,
      ...(epoch === 0 ? {} : { epoch }),
      ...(content === undefined ? {} : { content }),
    });
  }
  deps.log.info({ botId: id }, 'What was on record of a state was lost, and is known again by its archive');
  return records.read(id);
}
