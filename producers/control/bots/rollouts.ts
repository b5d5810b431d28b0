import { z } from 'zod';
import type { Collections } from '../../../infra/mongo/collections.ts';
import type { Rollout } from '../../../model/rollout.ts';
import { checkReason, type Asker } from '../arguments.ts';
import { InvalidRequest, NotFound, TooMuch } from '../errors.ts';
import { pageSize, pageToken, readPageToken } from '../page-token.ts';
import { matcher, type BotFilter } from './page.ts';
import { readRows, type RowStores } from './rows.ts';

export type RolloutDeps = {
  collections: Pick<Collections, 'rollouts'> & RowStores;
  now: () => Date;
  newId: () => string;
};

/** `bots`: how many are to be restarted; `rollout`: absent where there are none. */
export type RolloutBegun = { bots: number; rollout?: Rollout };

const MOST_AT_ONCE = 100;
/** All their ids are kept in one document. */
const MOST_BOTS = 50_000;

/**
 * Has all bots that match, and that their owners and operators want to run, restarted some at a time, in the order of their
 * ids. On record when it returns; whoever plans works it off.
 * @throws InvalidRequest, TooMuch
 */
export async function beginRollout(
  { collections, now, newId }: RolloutDeps,
  request: Asker & { filter: BotFilter; atOnce?: number },
): Promise<RolloutBegun> {
  const asker = checkReason(request);
  const atOnce = request.atOnce ?? 1;
  if (!Number.isInteger(atOnce) || atOnce < 1 || atOnce > MOST_AT_ONCE)
    throw new InvalidRequest('atOnce', `${atOnce} at a time cannot be`, `ask for 1 to ${MOST_AT_ONCE}`);
  const matches = matcher(request.filter);
  const { rows } = await readRows(collections);
  const bots = rows
    .filter((row) => row.wanted && matches(row))
    .map(({ id }) => id)
    .sort();
  if (bots.length === 0) return { bots: 0 };
  if (bots.length > MOST_BOTS)
    throw new TooMuch(
      'filter',
      `${bots.length} bots match`,
      `restart ${MOST_BOTS} at most at a time, by a filter`,
    );
  const at = now();
  const rollout: Rollout = {
    _id: newId(),
    ...asker,
    at,
    atOnce,
    bots,
    next: 0,
    current: [],
    restarted: 0,
    skipped: 0,
    failed: [],
    state: 'waiting',
    reason: 'It waits for whoever plans, or for an earlier one to end.',
    open: true,
    revision: 0,
    updatedAt: at,
  };
  await collections.rollouts.insertOne(rollout);
  return { bots: bots.length, rollout };
}

/** A roll-out without the ids of all its bots, which may be many. */
export type RolloutView = Omit<Rollout, 'bots'> & { bots: number };

const VIEW = [{ $set: { bots: { $size: '$bots' } } }];

/** @throws NotFound */
export async function readRollout(
  { collections }: Pick<RolloutDeps, 'collections'>,
  id: string,
): Promise<RolloutView> {
  const [rollout] = await collections.rollouts
    .aggregate<RolloutView>([{ $match: { _id: id } }, ...VIEW])
    .toArray();
  if (rollout === undefined) throw new NotFound('rollout', id);
  return rollout;
}

const KEY = z.tuple([z.int(), z.string()]);
const QUERY = { list: 'rollouts' };

/** Newest first. @throws InvalidRequest for a page token of another query */
export async function pageOfRollouts(
  { collections }: Pick<RolloutDeps, 'collections'>,
  page: { size?: number | undefined; token?: string | undefined },
): Promise<{ rollouts: RolloutView[]; nextToken: string }> {
  const size = pageSize(page.size);
  const after = readPageToken(QUERY, page.token, KEY);
  const at = after === undefined ? undefined : new Date(after[0]);
  const found = await collections.rollouts
    .aggregate<RolloutView>([
      // The first bound is one of the index; the second leaves out those of the same moment that were shown.
      ...(after === undefined || at === undefined
        ? []
        : [{ $match: { at: { $lte: at }, $or: [{ at: { $lt: at } }, { _id: { $lt: after[1] } }] } }]),
      { $sort: { at: -1, _id: -1 } },
      { $limit: size + 1 },
      ...VIEW,
    ])
    .toArray();
  const rollouts = found.slice(0, size);
  const last = rollouts.at(-1);
  return {
    rollouts,
    nextToken:
      found.length > size && last !== undefined ? pageToken(QUERY, [last.at.getTime(), last._id]) : '',
  };
}

/**
 * No more bots are restarted by it; those that are at it finish.
 * @throws NotFound, InvalidRequest
 */
export async function stopRollout(
  deps: Pick<RolloutDeps, 'collections' | 'now'>,
  request: Asker & { rolloutId: string },
): Promise<{ changed: boolean; outcome: string; rollout: RolloutView }> {
  const asker = checkReason(request);
  const { modifiedCount } = await deps.collections.rollouts.updateOne(
    { _id: request.rolloutId, open: true, stop: { $exists: false } },
    // Whoever works it off notices that it is not as he has read it.
    { $set: { stop: { ...asker, at: deps.now() } }, $inc: { revision: 1 } },
  );
  const rollout = await readRollout(deps, request.rolloutId);
  if (modifiedCount > 0)
    return {
      changed: true,
      outcome: 'No more bots are restarted by it; those that are at it finish.',
      rollout,
    };
  const { stop } = rollout;
  const outcome =
    rollout.open === true && stop !== undefined ? `${stop.who} has stopped it already.` : 'It is over.';
  return { changed: false, outcome, rollout };
}
