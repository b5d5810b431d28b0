import { BadState } from './errors.ts';
import { ByteSource } from './byte-source.ts';

/** One entry of a tar. `body` is to be read, or left, before the next one is asked for. */
export type TarEntry = {
  name: string;
  /** The letter of its kind; `0` a file, `5` a folder, `1` and `2` links. */
  kind: string;
  mode: number;
  mtimeMs: number;
  bytes: number;
  body: AsyncIterable<Buffer>;
};

const BLOCK = 512;
/** Of a name, or of what else is said about one entry: more is an attack on memory. */
const MOST_META_BYTES = 64 * 1024;

/**
 * The entries of a tar that may be anything: bounded in memory whatever it says of itself, and complete or refused: what
 * ends without its end mark is cut off. Knows ustar, the extended headers of POSIX, and GNU's long names. Throws `BadState`.
 */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const bytes = new ByteSource(source);
  let name: string | undefined;
  let size: number | undefined;
  for (;;) {
    const block = await bytes.take(BLOCK);
    if (block === undefined) throw new BadState('is cut off: it has no end mark');
    if (block.every((byte) => byte === 0)) {
      // The rest is read for its checksum's sake, and whatever it is, it belongs to no file.
      await bytes.skipRest();
      return;
    }
    const header = parseHeader(block);
    if (header.kind === 'x' || header.kind === 'L') {
      const text = await meta(bytes, header.bytes);
      if (header.kind === 'L') name = text.toString().replace(/\0[^]*$/, '');
      else {
        const said = parseExtended(text);
        name = said.get('path') ?? name;
        const told = said.get('size');
        if (told !== undefined) size = whole(told);
      }
      continue;
    }
    if (header.kind === 'g' || header.kind === 'K') {
      await meta(bytes, header.bytes);
      continue;
    }
    const length = size ?? header.bytes;
    const body = bytes.range(length);
    yield { ...header, name: name ?? header.name, bytes: length, body };
    await body.leave();
    await bytes.skip(padding(length));
    name = undefined;
    size = undefined;
  }
}

const padding = (length: number): number => (BLOCK - (length % BLOCK)) % BLOCK;

async function meta(bytes: ByteSource, length: number): Promise<Buffer> {
  if (length > MOST_META_BYTES) throw new BadState(`says ${length} bytes about a single entry`);
  const text = await bytes.take(length);
  if (text === undefined) throw new BadState('is cut off within what it says about an entry');
  await bytes.skip(padding(length));
  return text;
}

type Header = Omit<TarEntry, 'body'>;

function parseHeader(block: Buffer): Header {
  const sum = block.toString('latin1', 148, 156).replaceAll('\0', ' ').trim();
  let real = 8 * 0x20;
  for (const [index, byte] of block.entries()) if (index < 148 || index >= 156) real += byte;
  if (!/^[0-7]+$/.test(sum) || Number.parseInt(sum, 8) !== real)
    throw new BadState('is no tar, or is damaged: the checksum of a header does not match');
  const kind = String.fromCharCode(block[156] ?? 0);
  const prefix =
    block.toString('latin1', 257, 262) === 'ustar' && block[262] === 0 ? text(block.subarray(345, 500)) : '';
  const short = text(block.subarray(0, 100));
  return {
    name: prefix === '' ? short : `${prefix}/${short}`,
    // An old file is one that says nothing; a contiguous one is a file too.
    kind: kind === '\0' || kind === '7' ? '0' : kind,
    mode: octal(block.subarray(100, 108)) & 0o7777,
    mtimeMs: octal(block.subarray(136, 148)) * 1000,
    bytes: octal(block.subarray(124, 136)),
  };
}

function text(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? field.length : end);
}

/** Octal digits, or, where the first bit is set, a binary number. */
function octal(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) {
    let value = BigInt((field[0] ?? 0) & 0x7f);
    for (const byte of field.subarray(1)) value = value * 256n + BigInt(byte);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new BadState('has a header with an impossible number');
    return Number(value);
  }
  const digits = field.toString('latin1').replaceAll('\0', ' ').trim();
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw new BadState('has a header with an impossible number');
  return Number.parseInt(digits, 8);
}

function whole(digits: string): number {
  const value = /^\d{1,15}$/.test(digits) ? Number(digits) : Number.NaN;
  if (Number.isNaN(value)) throw new BadState('has a header with an impossible size');
  return value;
}

/** Records `<length> <key>=<value>\n`; the length counts the whole record, in bytes. */
function parseExtended(block: Buffer): Map<string, string> {
  const said = new Map<string, string>();
  for (let at = 0; at < block.length;) {
    const blank = block.indexOf(0x20, at);
    const length = blank < 0 ? Number.NaN : Number(block.toString('latin1', at, blank));
    if (!Number.isInteger(length) || length <= blank - at || at + length > block.length)
      throw new BadState('has an extended header that cannot be read');
    const record = block.toString('utf8', blank + 1, at + length - 1);
    const equals = record.indexOf('=');
    if (equals > 0) said.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return said;
}
