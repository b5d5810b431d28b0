import type { Collection } from 'mongodb';
import type { ApiTokenDocument } from '../../../infra/mongo/collections.ts';
import type { Role } from '../../../model/access.ts';
import { AlreadyExists, InvalidRequest, NotFound } from '../errors.ts';
import { makeToken } from './text.ts';

export type TokenDeps = {
  tokens: Collection<ApiTokenDocument>;
  /** The installation's time. */
  now: () => Date;
  randomBytes: (size: number) => Buffer;
};

export type TokenRequest = {
  name: string;
  role: Role;
  createdBy: string;
  /** Unset: it does not expire. */
  lifetimeMs?: number | undefined;
};

const NAME = /^[^\p{Cc}]{1,100}$/u;
const MINUTE_MS = 60_000;
/** A lifetime of more years than anybody means to give. */
const MAX_LIFETIME_MS = 100 * 365 * 24 * 60 * MINUTE_MS;
/** More are no list that anybody reads. */
const MAX_LISTED = 10_000;

/** What is of use now: neither expired nor revoked. */
const usable = (now: Date) => ({
  revokedAt: { $exists: false },
  $or: [{ expiresAt: { $exists: false } }, { expiresAt: { $gt: now } }],
});

/**
 * Makes a token. Its text is in the answer and nowhere else.
 * @throws InvalidRequest, AlreadyExists where another one of that name is in use: the audit knows callers by name
 */
export async function createToken(
  { tokens, now, randomBytes }: TokenDeps,
  { name, role, createdBy, lifetimeMs }: TokenRequest,
): Promise<{ token: ApiTokenDocument; text: string }> {
  const trimmed = name.trim();
  if (!NAME.test(trimmed))
    throw new InvalidRequest(
      'name',
      `${JSON.stringify(name.slice(0, 120))} is no name for a token`,
      'use 1 to 100 characters of one line',
    );
  if (lifetimeMs !== undefined && !(lifetimeMs >= MINUTE_MS && lifetimeMs <= MAX_LIFETIME_MS))
    throw new InvalidRequest(
      'lifetime',
      `A lifetime of ${lifetimeMs / 1000} s is not possible`,
      'give a minute or more, up to 100 years, or none for a token that does not expire',
    );
  const at = now();
  const same = await tokens.findOne({ name: trimmed, ...usable(at) });
  if (same !== null)
    throw new AlreadyExists(
      'token_exists',
      'name',
      `There is a token ${JSON.stringify(trimmed)} already (${same._id})`,
      'choose another name, or revoke that one',
    );
  const { id, text, hash } = makeToken(randomBytes);
  const token: ApiTokenDocument = {
    _id: id,
    name: trimmed,
    role,
    hash,
    createdAt: at,
    createdBy,
    ...(lifetimeMs === undefined ? {} : { expiresAt: new Date(at.getTime() + lifetimeMs) }),
  };
  await tokens.insertOne(token);
  return { token, text };
}

/**
 * Ends a token for good; one that had ended stays as it is.
 * @throws NotFound
 */
export async function revokeToken(
  { tokens, now }: Pick<TokenDeps, 'tokens' | 'now'>,
  { id, revokedBy }: { id: string; revokedBy: string },
): Promise<{ token: ApiTokenDocument; changed: boolean }> {
  const revoked = await tokens.findOneAndUpdate(
    { _id: id, revokedAt: { $exists: false } },
    { $set: { revokedAt: now(), revokedBy } },
    { returnDocument: 'after' },
  );
  if (revoked !== null) return { token: revoked, changed: true };
  const ended = await tokens.findOne({ _id: id });
  if (ended === null) throw new NotFound('token', id, 'id');
  return { token: ended, changed: false };
}

/** All of them, the newest first; those that have ended for 90 days are gone. */
export async function listTokens({ tokens }: Pick<TokenDeps, 'tokens'>): Promise<ApiTokenDocument[]> {
  const all = await tokens.find({}).limit(MAX_LISTED).toArray();
  return all.sort((one, other) => other.createdAt.getTime() - one.createdAt.getTime());
}

/** Whether anybody could log in at all. */
export async function hasUsableToken({ tokens, now }: Pick<TokenDeps, 'tokens' | 'now'>): Promise<boolean> {
  return (await tokens.findOne(usable(now()), { projection: { _id: 1 } })) !== null;
}
