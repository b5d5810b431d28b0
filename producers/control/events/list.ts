import type { Filter } from 'mongodb';
import { z } from 'zod';
import type { Collections, HistoryDocument } from '../../../infra/mongo/collections.ts';
import { pageSize, pageTime, pageToken, readPageToken } from '../page-token.ts';
import { newestBefore, spanOf, type Span } from '../spans.ts';

/** Each absent part: any. `id`: of a bot, a schedule with its runs, or a run. */
export type EventFilter = Span & { id?: string; kinds?: readonly string[] };

const KEY = z.tuple([pageTime, z.string()]);

/** What has happened, newest first. @throws InvalidRequest for a page token of another query */
export async function pageOfEvents(
  { history }: Pick<Collections, 'history'>,
  filter: EventFilter,
  page: { size?: number | undefined; token?: string | undefined },
): Promise<{ events: HistoryDocument[]; nextToken: string }> {
  const { id, kinds, from, to } = filter;
  const query = { list: 'events', id, kinds: kinds?.toSorted(), from, to };
  const size = pageSize(page.size);
  const key = readPageToken(query, page.token, KEY);
  const after = key === undefined ? undefined : { at: new Date(key[0]), id: key[1] };
  const wanted = {
    ...(id === undefined ? {} : { story: id }),
    ...(kinds === undefined ? {} : { kind: { $in: kinds } }),
  } as Filter<HistoryDocument>;
  const found = await history
    .find({ $and: [wanted, spanOf(filter), newestBefore(after)] })
    .sort({ at: -1, _id: -1 })
    .limit(size + 1)
    .toArray();
  const events = found.slice(0, size);
  const last = events.at(-1);
  return {
    events,
    nextToken:
      found.length > size && last !== undefined ? pageToken(query, [last.at.getTime(), last._id]) : '',
  };
}
