import { z } from 'zod';
import type { Collections } from '../../../infra/mongo/collections.ts';
import type { ScheduleOperator } from '../../../model/schedule-policy.ts';
import { pageSize, pageTime, pageToken, readPageToken, type PageKey } from '../page-token.ts';
import type { PartFilter } from './parts.ts';
import type { ScheduleOrder } from './places.ts';
import { readSome } from './read.ts';
import { search } from './search.ts';
import type { ScheduleView, ViewPhase } from './view.ts';
import { walk } from './walk.ts';

/** `text`: part of an id, name or version, in any case. */
export type ScheduleFilter = PartFilter & { text?: string };

/** `total` and `counts` are of all that match. */
export type PageOfSchedules = {
  schedules: ScheduleView[];
  nextToken: string;
  total: number;
  counts: ReadonlyMap<ViewPhase, number>;
};

const KEYS: Readonly<Record<ScheduleOrder, z.ZodType<PageKey>>> = {
  trouble: z.tuple([z.int(), z.string()]),
  id: z.tuple([z.string()]),
  name: z.tuple([z.string().nullable(), z.string()]),
  next: z.tuple([pageTime.nullable(), z.string()]),
};

/**
 * A page of schedules. What keeps its place in the order from page to page is on exactly one of them, whatever comes, goes or
 * changes its own place meanwhile.
 * @throws InvalidRequest for a page token of another query
 */
export async function pageOfSchedules(
  stores: Pick<Collections, 'schedules' | 'scheduleStatus' | 'holds'>,
  operator: ScheduleOperator,
  { filter, order }: { filter: ScheduleFilter; order: ScheduleOrder },
  page: { size?: number | undefined; token?: string | undefined },
): Promise<PageOfSchedules> {
  const { phases, failing = false, text = '' } = filter;
  const query = { list: 'schedules', phases: phases?.toSorted(), failing, text, order };
  const size = pageSize(page.size);
  const after = readPageToken(query, page.token, KEYS[order]);
  const part = { after, limit: size + 1 };
  const { entries, counts } =
    text !== '' || order === 'name'
      ? await search(stores, { filter, order }, part)
      : await walk(stores, { filter, order }, part);
  const shown = entries.slice(0, size);
  const last = shown.at(-1);
  return {
    schedules: await readSome(
      stores,
      operator,
      shown.map(({ id }) => id),
    ),
    nextToken: entries.length > size && last !== undefined ? pageToken(query, last.key) : '',
    total: [...counts.values()].reduce((sum, count) => sum + count, 0),
    counts,
  };
}
