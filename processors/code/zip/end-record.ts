import { BadArchive } from '../bad-archive.ts';
import { looksLike, startsLikeZip } from './looks-like.ts';
import type { Source } from './source.ts';

/** Where the central directory lies. `bias` is added to every offset the archive states: bytes put before it (a stub). */
export type DirectoryLocation = { entryCount: number; start: number; end: number; bias: number };

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
const LONGEST_COMMENT = 0xffff;
const DIRECTORY_SIGNATURE = 0x02014b50;

type Stated = {
  disk: number;
  directoryDisk: number;
  entriesHere: number;
  entryCount: number;
  bytes: number;
  offset: number;
};

/** Finds the end of a ZIP and reads it, ZIP64 included. Throws `BadArchive` for whatever is not a whole, single ZIP. */
export async function locateDirectory(source: Source): Promise<DirectoryLocation> {
  if (source.size === 0) throw new BadArchive('empty_file', 'is empty (0 bytes)');
  const tailStart = Math.max(0, source.size - END_BYTES - LONGEST_COMMENT - LOCATOR_BYTES - END64_BYTES);
  const tail = await source.read(tailStart, source.size - tailStart);
  const at = await findEnd(source, tail);
  const stated = readEnd(tail, at);
  const endPosition = tailStart + at;
  const end64 = await readEnd64(source, endPosition);
  if (end64 !== undefined) assertAgree(stated, end64.stated);
  const { disk, directoryDisk, entriesHere, entryCount, bytes, offset } = end64?.stated ?? stated;
  // A split archive that was not made for ZIP64 has its disk numbers here, whatever the larger record says.
  if (disk !== 0 || directoryDisk !== 0 || entriesHere !== entryCount)
    throw new BadArchive('multi_disk', `is part ${disk + 1} of a split archive`);
  const end = end64?.position ?? endPosition;
  const start = end - bytes;
  if (start < 0 || start < offset)
    throw new BadArchive(
      'truncated',
      `has its directory at byte ${offset}, ${bytes} bytes long, which does not fit its ${source.size} bytes`,
    );
  if (entryCount > 0 && (bytes < 46 || (await source.read(start, 4)).readUInt32LE(0) !== DIRECTORY_SIGNATURE))
    throw new BadArchive('malformed', 'has no directory where its end says that it is');
  return { entryCount, start, end, bias: start - offset };
}

/** Index of the end record in `tail`: the last one whose comment reaches the end, or is followed by zeros only. */
async function findEnd(source: Source, tail: Buffer): Promise<number> {
  let trailing: number | undefined;
  let cut = false;
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    if (tail[at] !== 0x50 || tail.readUInt32LE(at) !== END_SIGNATURE) continue;
    const commentEnd = at + END_BYTES + tail.readUInt16LE(at + 20);
    if (commentEnd > tail.length) cut = true;
    else if (tail.subarray(commentEnd).every((byte) => byte === 0)) return at;
    else trailing ??= tail.length - commentEnd;
  }
  if (trailing !== undefined)
    throw new BadArchive('trailing_data', `has ${trailing} bytes of other data behind its end`);
  const head = await source.read(0, Math.min(4, source.size));
  if (cut || startsLikeZip(head))
    throw new BadArchive(
      'truncated',
      `begins like a ZIP, but its end is missing (${source.size} bytes arrived)`,
    );
  throw new BadArchive('not_zip', `is not a ZIP: it looks like ${await looksLike(source)}`);
}

function readEnd(tail: Buffer, at: number): Stated {
  return {
    disk: tail.readUInt16LE(at + 4),
    directoryDisk: tail.readUInt16LE(at + 6),
    entriesHere: tail.readUInt16LE(at + 8),
    entryCount: tail.readUInt16LE(at + 10),
    bytes: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  };
}

async function readEnd64(
  source: Source,
  endPosition: number,
): Promise<{ stated: Stated; position: number } | undefined> {
  const locatorPosition = endPosition - LOCATOR_BYTES;
  if (locatorPosition < 0) return undefined;
  const locator = await source.read(locatorPosition, LOCATOR_BYTES);
  if (locator.readUInt32LE(0) !== LOCATOR_SIGNATURE) return undefined;
  if (locator.readUInt32LE(4) !== 0 || locator.readUInt32LE(16) > 1)
    throw new BadArchive('multi_disk', 'is part of a split archive');
  // The record may lie where the locator says, or, in an archive that had bytes put before it, right before the locator.
  for (const position of [safe(locator.readBigUInt64LE(8)), locatorPosition - END64_BYTES]) {
    if (position < 0 || position + END64_BYTES > locatorPosition) continue;
    const record = await source.read(position, END64_BYTES);
    if (record.readUInt32LE(0) !== END64_SIGNATURE) continue;
    if (position + 12 + safe(record.readBigUInt64LE(4)) !== locatorPosition) continue;
    const stated = {
      disk: record.readUInt32LE(16),
      directoryDisk: record.readUInt32LE(20),
      entriesHere: safe(record.readBigUInt64LE(24)),
      entryCount: safe(record.readBigUInt64LE(32)),
      bytes: safe(record.readBigUInt64LE(40)),
      offset: safe(record.readBigUInt64LE(48)),
    };
    return { stated, position };
  }
  throw new BadArchive('malformed', 'announces a ZIP64 end record that is not there');
}

/** Both end records may be present: then each field of the small one is saturated or the same. */
function assertAgree(small: Stated, large: Stated): void {
  const agree = (['disk', 'directoryDisk', 'entriesHere', 'entryCount', 'bytes', 'offset'] as const).every(
    (field) => {
      const saturated = field === 'bytes' || field === 'offset' ? 0xffffffff : 0xffff;
      return small[field] === saturated || small[field] === large[field];
    },
  );
  if (!agree) throw new BadArchive('malformed', 'has two end records that contradict each other');
}

/** Sizes beyond 2^53 cannot be meant: they fail every later check against the file's size. */
export function safe(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}
