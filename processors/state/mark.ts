import type { BotStateDocument } from '../../infra/mongo/collections.ts';

/** User metadata of the archives that we write, by which they are told from the platform's. */
export const MARK = { volume: 'the0-volume', content: 'the0-content' } as const;

/** How often this volume had been filled when an archive was saved from it; undefined where it was saved from another. */
export function epochOfMark(
  installation: string,
  volume: string,
  mark: string | undefined,
): number | undefined {
  const prefix = `${installation}/${volume}/`;
  if (volume === '' || mark?.startsWith(prefix) !== true) return undefined;
  const epoch = Number(mark.slice(prefix.length));
  return Number.isSafeInteger(epoch) ? epoch : undefined;
}

/** Of one volume since it was last filled: an archive with another mark came from elsewhere. */
export function volumeMark(
  installation: string,
  { volume, epoch = 0 }: Pick<BotStateDocument, 'volume' | 'epoch'>,
): string {
  return `${installation}/${volume ?? ''}/${epoch}`;
}
