import type { Source } from './source.ts';

const SIGNATURES: readonly [bytes: readonly number[], what: string][] = [
  [[0x1f, 0x8b], 'a gzip file (.gz, .tar.gz)'],
  [[0x42, 0x5a, 0x68], 'a bzip2 file'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'an xz file'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'a zstd file'],
  [[0x37, 0x7a, 0xbc, 0xaf], 'a 7-Zip archive'],
  [[0x52, 0x61, 0x72, 0x21], 'a RAR archive'],
  [[0x7f, 0x45, 0x4c, 0x46], 'an ELF executable'],
  [[0x4d, 0x5a], 'a Windows executable'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF document'],
];

/** `PK\3\4`, with or without the marker of a split archive before it; `PK\5\6` of an empty one. */
export function startsLikeZip(head: Buffer): boolean {
  const signature = head.length >= 4 ? head.readUInt32LE(0) : 0;
  return [0x04034b50, 0x06054b50, 0x08074b50, 0x30304b50].includes(signature);
}

/** What a file that is not a ZIP seems to be, for the message: "looks like …". */
export async function looksLike(source: Source): Promise<string> {
  const head = await source.read(0, Math.min(512, source.size));
  const known = SIGNATURES.find(([bytes]) => bytes.every((byte, index) => head[index] === byte));
  if (known !== undefined) return known[1];
  if (head.subarray(257, 262).toString('latin1') === 'ustar') return 'a tar archive';
  const text = head.toString('utf8').trimStart();
  if (/^<(!doctype html|html|head|body)/i.test(text)) return 'an HTML page (an error page of a proxy?)';
  if (text.startsWith('<')) return 'an XML document (an error answer of a storage server?)';
  if (/^[[{]/.test(text)) return 'JSON';
  if (head.every((byte) => byte === 0)) return 'nothing but zero bytes';
  if (/^[\t\n\r\u0020-\u007e\u00a0-\ufffc]*$/.test(text)) return 'plain text';
  return `unknown data that begins with ${head.subarray(0, 4).toString('hex')}`;
}
