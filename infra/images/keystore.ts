import { createHash } from 'node:crypto';

const MAGIC = 0xfeedfeed;
const VERSION = 2;
const TRUSTED_CERTIFICATE = 2;

/**
 * A Java keystore (JKS) of trusted certificates, as `keytool` would make it where there is no Java to run it.
 * `certificates` are DER; `createdMs` is written as the time of each entry.
 */
export function javaKeystore(certificates: readonly Buffer[], password = 'changeit', createdMs = 0): Buffer {
  const entries = certificates.map((der, index) =>
    Buffer.concat([
      uint32(TRUSTED_CERTIFICATE),
      javaText(`ca-${index}`),
      uint64(createdMs),
      javaText('X.509'),
      uint32(der.length),
      der,
    ]),
  );
  const content = Buffer.concat([uint32(MAGIC), uint32(VERSION), uint32(entries.length), ...entries]);
  // The format's own check of integrity: the password in UTF-16 and these two words, then the content.
  const digest = createHash('sha1')
    .update(Buffer.from(password, 'utf16le').swap16())
    .update('Mighty Aphrodite')
    .update(content)
    .digest();
  return Buffer.concat([content, digest]);
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

function uint64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(value));
  return buffer;
}

/** Length in two bytes, then the text; plain ASCII here. */
function javaText(text: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return Buffer.concat([length, Buffer.from(text, 'latin1')]);
}
