import { crc32 } from 'node:zlib';
import { BadArchive } from '../bad-archive.ts';
import { safe, type DirectoryLocation } from './end-record.ts';
import type { Source } from './source.ts';

/** An entry as the directory describes it; nothing is believed yet but its place in the file. Sizes in bytes. */
export type ZipEntry = {
  /** As stored, undecoded: the local header must repeat it. */
  rawName: Buffer;
  name: string;
  flags: number;
  method: number;
  crc32: number;
  compressedBytes: number;
  bytes: number;
  /** Position of the local header in the file. */
  offset: number;
  /** Unix mode with its type bits; 0 where the tool that made the archive wrote none. */
  unixMode: number;
  /** The PKWARE Unix field carries the target of a link. */
  linkTarget: boolean;
};

const SIGNATURE = 0x02014b50;
const HEADER_BYTES = 46;
const EXTRA = { zip64: 0x0001, pkwareUnix: 0x000d, unicodePath: 0x7075 } as const;
const UTF8_FLAG = 0x800;

/** The entries of the directory, one by one, in the directory's order. Throws `BadArchive` where it is not consistent. */
export async function* readDirectory(source: Source, location: DirectoryLocation): AsyncGenerator<ZipEntry> {
  let position = location.start;
  for (let index = 0; index < location.entryCount; index += 1) {
    if (position + HEADER_BYTES > location.end)
      throw new BadArchive(
        'malformed',
        `announces ${location.entryCount} entries, but its directory ends after ${index}`,
      );
    const header = await source.read(position, HEADER_BYTES);
    if (header.readUInt32LE(0) !== SIGNATURE)
      throw new BadArchive('malformed', `has a damaged directory: record ${index + 1} is not one`);
    const nameBytes = header.readUInt16LE(28);
    const extraBytes = header.readUInt16LE(30);
    const next = position + HEADER_BYTES + nameBytes + extraBytes + header.readUInt16LE(32);
    if (next > location.end)
      throw new BadArchive('malformed', `has a damaged directory: record ${index + 1} passes its end`);
    const rest = await source.read(position + HEADER_BYTES, nameBytes + extraBytes);
    yield parseEntry(header, Buffer.from(rest.subarray(0, nameBytes)), rest.subarray(nameBytes), location);
    position = next;
  }
  if (position !== location.end)
    throw new BadArchive(
      'malformed',
      `announces ${location.entryCount} entries, but its directory goes on after them`,
    );
}

function parseEntry(header: Buffer, rawName: Buffer, extra: Buffer, location: DirectoryLocation): ZipEntry {
  const flags = header.readUInt16LE(8);
  const fields = extraFields(extra, rawName);
  const name = decodeName(rawName, flags, fields.get(EXTRA.unicodePath));
  const wide = wideSizes(header, fields.get(EXTRA.zip64), name);
  if (wide.disk !== 0)
    throw new BadArchive('multi_disk', `is said to lie on part ${wide.disk + 1} of a split archive`, {
      entry: name,
    });
  return {
    rawName,
    name,
    flags,
    method: header.readUInt16LE(10),
    crc32: header.readUInt32LE(16),
    compressedBytes: wide.compressedBytes,
    bytes: wide.bytes,
    offset: wide.offset + location.bias,
    unixMode: header.readUInt32LE(38) >>> 16,
    linkTarget: (fields.get(EXTRA.pkwareUnix)?.length ?? 0) > 12,
  };
}

/** ZIP64 gives a 64-bit value for each field that is saturated in the header, in this order. */
function wideSizes(header: Buffer, field: Buffer | undefined, entry: string) {
  let at = 0;
  const take = (bytes: 4 | 8): number => {
    if (field === undefined || at + bytes > field.length)
      throw new BadArchive('malformed', 'lacks the ZIP64 sizes that it announces', { entry });
    const value = bytes === 8 ? safe(field.readBigUInt64LE(at)) : field.readUInt32LE(at);
    at += bytes;
    return value;
  };
  const wide = (value: number): number => (value === 0xffffffff ? take(8) : value);
  const bytes = wide(header.readUInt32LE(24));
  const compressedBytes = wide(header.readUInt32LE(20));
  const offset = wide(header.readUInt32LE(42));
  const disk = header.readUInt16LE(34);
  return { bytes, compressedBytes, offset, disk: disk === 0xffff ? take(4) : disk };
}

/** The fields by their id; the first of an id counts. Damaged padding at the end, as some tools leave it, is passed over. */
function extraFields(extra: Buffer, rawName: Buffer): Map<number, Buffer> {
  const fields = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= extra.length;) {
    const id = extra.readUInt16LE(at);
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (end > extra.length) {
      if (id === EXTRA.zip64 || id === EXTRA.pkwareUnix)
        throw new BadArchive('malformed', 'has a damaged extra field', { entry: rawName.toString('latin1') });
      break;
    }
    if (!fields.has(id)) fields.set(id, extra.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * UTF-8 is expected whether or not the entry says so, since most tools of today write it unsaid. Old tools put it
 * into a field of its own, beside a name in the code page of that machine: that field wins if it belongs to the name.
 */
function decodeName(raw: Buffer, flags: number, unicodePath: Buffer | undefined): string {
  const belongs =
    unicodePath !== undefined &&
    unicodePath.length > 5 &&
    unicodePath[0] === 1 &&
    unicodePath.readUInt32LE(1) === crc32(raw);
  try {
    return strictUtf8.decode(belongs && (flags & UTF8_FLAG) === 0 ? unicodePath.subarray(5) : raw);
  } catch (error) {
    throw new BadArchive('name_encoding', 'has a name that is not valid UTF-8', {
      entry: raw.toString('latin1'),
      cause: error,
    });
  }
}
