import { createHash, timingSafeEqual } from 'node:crypto';

/** A token as its owner has it: what kind of secret it is (for those who find it in a file), which one, and the secret. */
const TEXT = /^the0_([0-9a-z]{12})_([A-Za-z0-9_-]{43})$/;

const ID_LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 12;
/** More than anybody can guess in any time. */
const SECRET_BYTES = 32;

export type NewToken = { id: string; text: string; hash: string };

export function makeToken(randomBytes: (size: number) => Buffer): NewToken {
  // The id is public: that some letters are a little more frequent than others does no harm.
  const id = [...randomBytes(ID_LENGTH)].map((byte) => ID_LETTERS[byte % ID_LETTERS.length]).join('');
  const text = `the0_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  return { id, text, hash: hashOf(text) };
}

/** The public part; undefined where that is no token of ours. */
export const idOf = (text: string): string | undefined => TEXT.exec(text)?.[1];

/** Without salt or stretching: what is hashed is random and long, and is hashed at every call. */
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Takes the same time whatever is given. */
export function matches(text: string, hash: string): boolean {
  const [given, right] = [Buffer.from(hashOf(text)), Buffer.from(hash)];
  return given.length === right.length && timingSafeEqual(given, right);
}
