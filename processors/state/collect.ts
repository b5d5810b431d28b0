import type { Collected } from './archive-tar.ts';

/** What was read of a volume. */
export type Collection = {
  /** By path. */
  entries: Map<string, Collected>;
  /** Files that are not in it, and why. */
  problems: string[];
  /** Files that never stood still: their last saved version is to be kept. */
  unsteady: string[];
};

export const LINK = 'it is a link, and only files and folders are saved';
export const SPECIAL = 'it is a socket, pipe or device, and only files and folders are saved';
