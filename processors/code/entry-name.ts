import { BadArchive } from './bad-archive.ts';

const LONGEST_PART_BYTES = 255;
const LONGEST_PATH_BYTES = 4096;
/** Each folder on the way to a file is made by us, so a deep path costs much more than its bytes. */
const MOST_PARTS = 100;

/** Whether the name alone says that the entry is a folder. */
export const namesFolder = (name: string): boolean => /\/\.?$|^\.$/.test(name);

/**
 * The parts of an entry's name, once it is known that they stay inside the code folder. `.` and empty parts, as some
 * tools write them, are dropped. The folder itself (`./`) has no parts. Throws `BadArchive`.
 */
export function cleanName(name: string): string[] {
  const refuse = (detail: string): BadArchive => new BadArchive('unsafe_name', detail, { entry: name });
  if (name === '') throw refuse('has no name');
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) throw refuse('has a control character in its name');
  if (name.includes('\\')) throw refuse('has a backslash in its name');
  if (name.startsWith('/')) throw refuse('has an absolute path');
  if (/^[a-z]:/i.test(name)) throw refuse('has a drive letter in its name');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refuse('leads out of its folder with ".."');
  if (
    Buffer.byteLength(name) > LONGEST_PATH_BYTES ||
    parts.some((part) => Buffer.byteLength(part) > LONGEST_PART_BYTES)
  )
    throw new BadArchive('name_too_long', `has a name of ${Buffer.byteLength(name)} bytes`, { entry: name });
  if (parts.length > MOST_PARTS)
    throw new BadArchive('name_too_long', `lies ${parts.length - 1} folders deep`, { entry: name });
  return parts;
}

/**
 * Names with the same key would be one file on a file system that ignores case or Unicode form, as on most owners'
 * machines: such a pair was not made on purpose.
 */
export function collisionKey(path: string): string {
  return path.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}
