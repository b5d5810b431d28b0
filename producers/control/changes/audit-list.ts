import { ObjectId, type Filter } from 'mongodb';
import { z } from 'zod';
import type { AuditDocument, Collections } from '../../../infra/mongo/collections.ts';
import { pageSize, pageTime, pageToken, readPageToken } from '../page-token.ts';
import { newestBefore, spanOf, type Span } from '../spans.ts';

/** Each absent part: any. Acts from `from` on and before `to`. */
export type AuditFilter = Span & { target?: string; who?: string; what?: string };
export type PageOfAudit = { entries: AuditDocument[]; nextToken: string };

/** When it was done, and its id. */
const KEY = z.tuple([pageTime, z.string().regex(/^[0-9a-f]{24}$/)]);

/**
 * What people and programs did, or were refused, newest first. An entry keeps its place for good.
 * @throws InvalidRequest for a page token of another query
 */
export async function pageOfAudit(
  { audit }: Pick<Collections, 'audit'>,
  filter: AuditFilter,
  page: { size?: number | undefined; token?: string | undefined },
): Promise<PageOfAudit> {
  const { target, who, what, from, to } = filter;
  const query = { list: 'audit', target, who, what, from, to };
  const size = pageSize(page.size);
  const key = readPageToken(query, page.token, KEY);
  const after = key === undefined ? undefined : { at: new Date(key[0]), id: new ObjectId(key[1]) };
  const wanted: Filter<AuditDocument> = {
    ...(target === undefined ? {} : { target }),
    ...(who === undefined ? {} : { who }),
    ...(what === undefined ? {} : { what }),
  };
  const found = await audit
    .find({ $and: [wanted, spanOf(filter), newestBefore(after)] })
    .sort({ at: -1, _id: -1 })
    .limit(size + 1)
    .toArray();
  const entries = found.slice(0, size);
  const last = entries.at(-1);
  return {
    entries,
    nextToken:
      found.length > size && last !== undefined
        ? pageToken(query, [last.at.getTime(), last._id.toHexString()])
        : '',
  };
}
