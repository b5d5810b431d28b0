import type { BotStateDocument } from '../../infra/mongo/collections.ts';

/** So many archives gone at once are no deletions by their owners, but a bucket that is empty or the wrong one. */
const MANY = 10;

/**
 * Archives in the bucket that are not the ones their volumes agree with. A listing may be older than a save of ours, so
 * these are only suspected. `lost`: how many seem to be deleted, where that is too many to be believed.
 */
export function suspectedChanges(
  known: readonly Pick<BotStateDocument, '_id' | 'etag' | 'platformEtag'>[],
  listed: ReadonlyMap<string, string>,
): { suspected: string[]; lost: number } {
  const compared = known.filter(({ etag }) => etag !== undefined);
  const changes = compared.flatMap(({ _id: id, etag, platformEtag }) => {
    const now = listed.get(id) ?? null;
    return now === etag || now === platformEtag ? [] : [{ id, etag: now }];
  });
  const gone = changes.filter(({ etag }) => etag === null).length;
  const had = compared.filter(({ etag }) => typeof etag === 'string').length;
  if (gone < MANY || gone * 2 < had) return { suspected: idsOf(changes), lost: 0 };
  return { suspected: idsOf(changes.filter(({ etag }) => etag !== null)), lost: gone };
}

const idsOf = (changes: readonly { id: string }[]): string[] => changes.map(({ id }) => id);
