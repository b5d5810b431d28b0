import { z } from 'zod';
import type { BotStateDocument, Collections } from '../../../infra/mongo/collections.ts';
import { pageSize, pageToken, readPageToken } from '../page-token.ts';

const SUMMARY = { savedAt: 1, bytes: 1, files: 1, problems: 1, 'overLimit.reason': 1 } as const;

export type StateSummary = Pick<BotStateDocument, '_id' | 'savedAt' | 'bytes' | 'files' | 'problems'> & {
  overLimit?: { reason: string };
};
export type PageOfStates = { states: StateSummary[]; nextToken: string };

const KEY = z.tuple([z.string()]);
const QUERY = { list: 'states' };

/** A page of what is on record of states, by id. @throws InvalidRequest for a page token of another query */
export async function pageOfStates(
  { botState }: Pick<Collections, 'botState'>,
  page: { size?: number | undefined; token?: string | undefined },
): Promise<PageOfStates> {
  const size = pageSize(page.size);
  const after = readPageToken(QUERY, page.token, KEY);
  const found = await botState
    .find(after === undefined ? {} : { _id: { $gt: after[0] } })
    .project<StateSummary>(SUMMARY)
    .sort({ _id: 1 })
    .limit(size + 1)
    .toArray();
  const states = found.slice(0, size);
  const last = states.at(-1);
  return {
    states,
    nextToken: found.length > size && last !== undefined ? pageToken(QUERY, [last._id]) : '',
  };
}
