import type { Settings } from '../../infra/config/settings.ts';

export type StateLimits = {
  /** Of all files together. */
  maxBytes: number;
  /** A larger file is not saved. */
  maxFileBytes: number;
  /** Files and folders. */
  maxFiles: number;
  /** Earlier archives that are kept. */
  keepArchives: number;
};

/** Why a listing that is not complete is over a limit: completes “Its state …”. */
export function excessOf(listing: { tooDeep?: string }, maxFiles: number): string {
  if (listing.tooDeep === undefined)
    return `has more than ${maxFiles} files and folders, which is the most that is allowed`;
  const depth = listing.tooDeep.split('/').length;
  return `has folders in folders more than ${depth} deep, which is the most that is allowed: ${JSON.stringify(shortened(listing.tooDeep))}`;
}

const SHOWN = 80;
const shortened = (path: string): string => (path.length > SHOWN ? `${path.slice(0, SHOWN)}…` : path);

const MB = 2 ** 20;

export const stateLimits = (
  settings: Pick<
    Settings,
    'MAX_STATE_SIZE_MB' | 'MAX_STATE_FILE_SIZE_MB' | 'MAX_STATE_FILES' | 'STATE_KEEP_ARCHIVES'
  >,
): StateLimits => ({
  maxBytes: settings.MAX_STATE_SIZE_MB * MB,
  maxFileBytes: settings.MAX_STATE_FILE_SIZE_MB * MB,
  maxFiles: settings.MAX_STATE_FILES,
  keepArchives: settings.STATE_KEEP_ARCHIVES,
});
