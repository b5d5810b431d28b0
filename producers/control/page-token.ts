import { hash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../../model/canonical.ts';
import { InvalidRequest } from './errors.ts';

/**
 * Places in a list, as texts that a caller hands back: each names the query it belongs to and the key of the last item that
 * was given, so that what comes or goes meanwhile moves nothing else. It holds no secret and grants nothing.
 */

/** What makes a list the list it is: its name, filter and order, and never the size of its pages. */
export type ListQuery = { list: string } & Readonly<Record<string, unknown>>;

/** Of the last item: what the list is ordered by, and what tells equals apart. Times as milliseconds. */
export type PageKey = readonly (string | number | null)[];

/** A time within a key. */
export const pageTime = z.int().min(-8.64e15).max(8.64e15);

const FIELD = 'page.token';
const DEFAULT_SIZE = 100;
const MAX_SIZE = 1_000;
/** Enough that two queries of one person never meet. */
const HASH_LENGTH = 16;

export const pageToken = (query: ListQuery, key: PageKey): string =>
  Buffer.from(JSON.stringify([hashOf(query), ...key])).toString('base64url');

/**
 * The key in a token; undefined where there is no token, which asks for the first page.
 * @throws InvalidRequest where it is none of ours, or of another query.
 */
export function readPageToken<Key extends PageKey>(
  query: ListQuery,
  token: string | undefined,
  shape: z.ZodType<Key>,
): Key | undefined {
  if (token === undefined || token === '') return undefined;
  const [ofQuery, ...key] = partsOf(token);
  if (typeof ofQuery !== 'string' || ofQuery.length !== HASH_LENGTH) throw noToken();
  if (ofQuery !== hashOf(query))
    throw new InvalidRequest(
      FIELD,
      'The page token belongs to a query with another filter or order',
      'repeat the query that gave it, or leave the token out for the first page',
    );
  const read = shape.safeParse(key);
  if (!read.success) throw noToken();
  return read.data;
}

/** @throws InvalidRequest */
export function pageSize(size: number | undefined): number {
  if (size === undefined || size === 0) return DEFAULT_SIZE;
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE)
    throw new InvalidRequest(
      'page.size',
      `A page of ${size} items cannot be given`,
      `ask for 1 to ${MAX_SIZE}`,
    );
  return size;
}

function partsOf(token: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}

const noToken = (): InvalidRequest =>
  new InvalidRequest(
    FIELD,
    'The page token cannot be read',
    'hand back the next token of the page before as it is, or leave it out for the first page',
  );

const hashOf = (query: ListQuery): string =>
  hash('sha256', canonicalJson(query), 'base64url').slice(0, HASH_LENGTH);
