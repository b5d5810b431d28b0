import { z } from 'zod';
import type { Collections } from '../../../infra/mongo/collections.ts';
import { NotFound } from '../errors.ts';
import { pageSize, pageTime, pageToken, readPageToken } from '../page-token.ts';
import { newestRuns, type RunFilter } from './read.ts';
import { runView, type RunView } from './view.ts';

export type PageOfRuns = { runs: RunView[]; nextToken: string };

/** Nominal time and id. */
const KEY = z.tuple([pageTime, z.string()]);

/**
 * A page of runs, the newest first. A run keeps its place for as long as it is on record, so whatever comes meanwhile, each
 * that was there at the first page is on one of them.
 * @throws InvalidRequest for a page token of another query, NotFound for a schedule of which nothing is known
 */
export async function pageOfRuns(
  { runs, schedules }: Pick<Collections, 'runs' | 'schedules'>,
  filter: RunFilter,
  page: { size?: number | undefined; token?: string | undefined },
): Promise<PageOfRuns> {
  const { scheduleId, states, from, to } = filter;
  const query = { list: 'runs', scheduleId, states: states?.toSorted(), from, to };
  const size = pageSize(page.size);
  const key = readPageToken(query, page.token, KEY);
  const after = key === undefined ? undefined : { nominal: new Date(key[0]), id: key[1] };
  const found = await newestRuns(runs, filter, { after, limit: size + 1 });
  // A schedule that is gone may have left runs; one without runs must at least exist.
  if (found.length === 0 && after === undefined && scheduleId !== undefined)
    if ((await schedules.findOne({ id: scheduleId }, { projection: { _id: 1 } })) === null)
      throw new NotFound('schedule', scheduleId);
  const shown = found.slice(0, size);
  const last = shown.at(-1);
  return {
    runs: shown.map(runView),
    nextToken:
      found.length > size && last !== undefined ? pageToken(query, [last.nominal.getTime(), last._id]) : '',
  };
}
