/** Why an archive can be refused: what is wrong with it, and what its owner can do about it. */
export const REFUSALS = {
  empty_file: { meaning: 'the object holds no bytes', cure: 'Upload the archive again' },
  not_zip: {
    meaning: 'it is not a ZIP archive',
    cure: 'Upload a ZIP, for example made with "zip -r bot.zip ."',
  },
  truncated: { meaning: 'it is cut off', cure: 'Upload the archive again' },
  malformed: {
    meaning: 'its structure contradicts itself',
    cure: 'Make the archive again with an ordinary ZIP tool',
  },
  trailing_data: {
    meaning: 'other data follows its end',
    cure: 'Upload the ZIP alone, with nothing appended',
  },
  multi_disk: {
    meaning: 'it is one part of an archive split in several',
    cure: 'Join the parts, or make one ZIP',
  },
  encrypted: { meaning: 'an entry is encrypted', cure: 'Make the ZIP without a password' },
  unsupported_compression: {
    meaning: 'an entry uses a method other than Store and Deflate',
    cure: 'Make the ZIP with Deflate, the default of most tools',
  },
  unsafe_name: {
    meaning: 'a name could lead outside the code folder, or holds control characters',
    cure: 'Rename the entry: relative paths with "/" only',
  },
  name_too_long: {
    meaning: 'a name is over 255 bytes a part, 4096 in all, or 100 folders deep',
    cure: 'Shorten the path',
  },
  name_encoding: { meaning: 'a name is not valid UTF-8', cure: 'Make the ZIP with UTF-8 names' },
  link: {
    meaning: 'an entry is a symbolic or hard link',
    cure: 'Put the file itself into the ZIP, not a link to it',
  },
  special_file: { meaning: 'an entry is a device, pipe or socket', cure: 'Leave it out of the ZIP' },
  directory_with_data: {
    meaning: 'a folder entry carries data',
    cure: 'Make the archive again with an ordinary ZIP tool',
  },
  duplicate: { meaning: 'two entries have one name', cure: 'Leave one of the two out' },
  case_conflict: { meaning: 'two names differ only by case or Unicode form', cure: 'Rename one of the two' },
  path_conflict: { meaning: 'one name is a file and also a folder', cure: 'Rename one of the two' },
  no_files: { meaning: 'it holds no file', cure: 'Upload an archive that holds the bot' },
  archive_too_large: {
    meaning: 'it is larger than allowed',
    cure: 'Leave out what the bot does not need, or have CODE_MAX_ARCHIVE_MB raised',
  },
  too_many_entries: {
    meaning: 'it holds more files and folders than allowed',
    cure: 'Leave out what the bot does not need, or have CODE_MAX_ENTRIES raised',
  },
  names_too_large: {
    meaning: 'its names take more room than the record of them may',
    cure: 'Shorten paths, or leave out what the bot does not need',
  },
  too_many_bytes: {
    meaning: 'it unpacks to more than allowed',
    cure: 'Leave out what the bot does not need, or have CODE_MAX_UNPACKED_MB raised',
  },
  ratio: {
    meaning: 'an entry grows suspiciously on unpacking',
    cure: 'Leave the entry out, or have CODE_MAX_RATIO raised',
  },
  overlap: {
    meaning: 'entries share the same bytes of the archive',
    cure: 'Make the archive again with an ordinary ZIP tool',
  },
  header_mismatch: {
    meaning: 'the two descriptions of an entry differ',
    cure: 'Make the archive again with an ordinary ZIP tool',
  },
  size_mismatch: {
    meaning: 'an entry is not as large as it says',
    cure: 'Make the archive again and upload it again',
  },
  corrupt_data: {
    meaning: 'the data of an entry cannot be unpacked',
    cure: 'Make the archive again and upload it again',
  },
  crc_mismatch: {
    meaning: 'the checksum of an entry does not match its data',
    cure: 'Make the archive again and upload it again',
  },
} as const satisfies Record<string, { meaning: string; cure: string }>;

export type RefusalCode = keyof typeof REFUSALS;

/** An archive that will never do as it is: its owner has to change it. `entry` is the name at fault, shortened. */
export class BadArchive extends Error {
  override readonly name = 'BadArchive';
  readonly code: RefusalCode;
  readonly retryable = false;
  readonly entry: string | undefined;
  /** `detail` completes the sentence "The code archive was refused: [entry "x"] …". */
  constructor(code: RefusalCode, detail: string, options: ErrorOptions & { entry?: string } = {}) {
    const { entry, ...rest } = options;
    const shown = entry === undefined ? undefined : quoteName(entry);
    super(
      `The code archive was refused: ${shown === undefined ? '' : `entry ${shown} `}${detail}. ${REFUSALS[code].cure}.`,
      rest,
    );
    this.code = code;
    this.entry = shown;
  }
}

const LONGEST_SHOWN = 160;

/** A name from an archive, safe to print: quoted, control and direction characters escaped, cut when very long. */
export function quoteName(name: string): string {
  const cut = name.length > LONGEST_SHOWN ? `${name.slice(0, LONGEST_SHOWN)}…` : name;
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
