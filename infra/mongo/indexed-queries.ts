import type { CreateIndexesOptions, Document } from 'mongodb';
import type { Collections } from './collections.ts';

/** A query the product makes, and the index that serves it. `index` is absent where `_id` does. */
type IndexedQuery = {
  collection: keyof Collections;
  /** What asks it. */
  purpose: string;
  /** An example, for `explain`. */
  filter: Document;
  sort?: Record<string, 1 | -1>;
  index?: { key: Record<string, 1 | -1>; options?: CreateIndexesOptions };
};

/**
 * Runs that have ended, as the indexes by state hold them: those alone, so that a run that goes from state to state costs
 * one entry, made at its end. A query has to say it for such an index to serve it. (An attempt that another one follows has
 * ended too, so the state has to be said as well.)
 */
export const HAS_ENDED = { endedAt: { $gt: new Date(0) } };

/** Of states: those that were over their limit when they were measured; few, and the index holds them alone. */
export const OVER_LIMIT = { 'overLimit.at': { $gt: new Date(0) } };
/** States of which no start could take the archive. */
export const REFUSED = { 'refused.at': { $gt: new Date(0) } };

/** Of bots: those that are in trouble; few, and the indexes hold them alone. */
const FAILED_MORE_THAN_ONCE = { consecutiveFailures: { $gt: 1 } };
export const FAILED_FOR_GOOD = { permanent: true };
export const WITHOUT_STATE = { phase: 'state-unavailable' as const };
/** Of problems that were told: those of which a message is to be made. */
export const HAS_PENDING = { 'pending.at': { $gt: new Date(0) } };
const HAS_MISSED = { 'missed.at': { $gt: new Date(0) } };

const DAY_SECONDS = 24 * 60 * 60;
/** Longer than any stream keeps events (7 days), so that no replay outlives the tombstone that refuses it. */
const TOMBSTONE_DAYS = 30;
const POISON_DAYS = 90;
/** The follower touches those of containers that it follows once a day. */
const LOG_POSITION_DAYS = 14;
const GC_REPORT_DAYS = 90;
const ROLLOUT_DAYS = 90;
/** Nobody waits so long for the answer to a query. */
const QUERY_REQUEST_SECONDS = 60 * 60;
/** Who did what is still known when the year's books are closed. */
const AUDIT_DAYS = 400;
/** What happened is asked for within days; a year of it would be the largest part of the database. */
const HISTORY_DAYS = 30;
/** After a token has ended, so that a person who wonders finds it. */
const TOKEN_DAYS = 90;
/** The same key is the same request for so long. */
const IDEMPOTENCY_SECONDS = DAY_SECONDS;
/** A process that has said nothing for so long is gone. */
const PROCESS_SECONDS = 5 * 60;
/** Longer than a planner believes in them. */
const WISH_TRACE_SECONDS = 60 * 60;
/** Rounds that nobody made points of: the process that measured ended, and no other took over. */
const USAGE_ROUND_SECONDS = 2 * 60 * 60;
/** As it was measured, and as means of five minutes. */
export const USAGE_POINTS_SECONDS = DAY_SECONDS;
const USAGE_MEANS_SECONDS = 7 * DAY_SECONDS;
const NOTIFICATION_DAYS = 90;

/**
 * Every query but the full read of a resync, which is meant to read all, and lists that are searched by a text or ordered by
 * name, which read the names of all. A test explains each one: none may scan.
 * Whoever adds a query adds its line.
 */
export const INDEXED_QUERIES: readonly IndexedQuery[] = [
  {
    collection: 'bots',
    purpose: 'one bot',
    filter: { id: 'x' },
    index: { key: { id: 1 }, options: { unique: true } },
  },
  { collection: 'bots', purpose: 'some bots', filter: { id: { $in: ['x', 'y'] } } },
  {
    collection: 'schedules',
    purpose: 'one schedule',
    filter: { id: 'x' },
    index: { key: { id: 1 }, options: { unique: true } },
  },
  { collection: 'schedules', purpose: 'some schedules', filter: { id: { $in: ['x', 'y'] } } },
  {
    collection: 'schedules',
    purpose: 'all schedules, page by page',
    filter: { id: { $gt: 'x' } },
    sort: { id: 1 },
  },
  { collection: 'scheduleStatus', purpose: 'one status', filter: { _id: 'x' } },
  { collection: 'scheduleStatus', purpose: 'some statuses', filter: { _id: { $in: ['x', 'y'] } } },
  {
    collection: 'scheduleStatus',
    purpose: 'all statuses, page by page',
    filter: { _id: { $gt: 'x' } },
    sort: { _id: 1 },
  },
  {
    collection: 'scheduleStatus',
    purpose: 'schedules with something due',
    filter: { nextAt: { $lte: new Date(0) } },
    sort: { nextAt: 1 },
    index: { key: { nextAt: 1, _id: 1 } },
  },
  {
    collection: 'scheduleStatus',
    purpose: 'a page of schedules, the soonest first',
    filter: { nextAt: { $gt: new Date(0) }, phase: { $in: ['active'] } },
    sort: { nextAt: 1, _id: 1 },
  },
  {
    collection: 'scheduleStatus',
    purpose: 'a page of schedules, the soonest first, the rest of one time',
    filter: { nextAt: new Date(0), _id: { $gt: 'x' } },
    sort: { nextAt: 1, _id: 1 },
  },
  {
    collection: 'scheduleStatus',
    purpose: 'schedules without a next time, by id',
    filter: { nextAt: null, phase: 'paused', _id: { $gt: 'x' } },
    sort: { _id: 1 },
  },
  {
    collection: 'scheduleStatus',
    purpose: 'a page of schedules in one phase, and how many there are in each',
    filter: { phase: 'active', failuresInRow: { $not: { $gt: 0 } }, _id: { $gt: 'x' } },
    sort: { _id: 1 },
    index: { key: { phase: 1, _id: 1, failuresInRow: 1 } },
  },
  {
    collection: 'scheduleStatus',
    purpose: 'a page of schedules whose last runs failed',
    filter: { phase: 'active', failuresInRow: { $gt: 0 } },
    sort: { _id: 1 },
    // Few, and found without a look at all that do well.
    index: {
      key: { phase: 1, _id: 1 },
      options: { partialFilterExpression: { failuresInRow: { $gt: 0 } } },
    },
  },
  { collection: 'runs', purpose: 'one run', filter: { _id: 'x' } },
  { collection: 'runs', purpose: 'some runs', filter: { _id: { $in: ['x', 'y'] } } },
  {
    collection: 'runs',
    purpose: 'runs of a schedule, newest first',
    filter: { scheduleId: 'x' },
    sort: { nominal: -1, _id: -1 },
    // By id among equals, so that pages of a list have an order.
    index: { key: { scheduleId: 1, nominal: -1, _id: -1 } },
  },
  {
    collection: 'runs',
    purpose: 'runs of a schedule in a span',
    filter: { scheduleId: 'x', nominal: { $gt: new Date(0), $lte: new Date(1) } },
  },
  {
    collection: 'runs',
    purpose: 'newest runs of all schedules',
    filter: {},
    sort: { nominal: -1, _id: -1 },
    index: { key: { nominal: -1, _id: -1 } },
  },
  {
    collection: 'runs',
    purpose: 'newest runs of all schedules, the rest of one time',
    filter: { $and: [{}, { nominal: new Date(0), _id: { $lt: 'x' } }] },
    sort: { nominal: -1, _id: -1 },
  },
  {
    collection: 'runs',
    purpose: 'runs that are not over',
    filter: { open: true },
    index: { key: { open: 1, scheduleId: 1 }, options: { partialFilterExpression: { open: true } } },
  },
  {
    collection: 'runs',
    purpose: 'runs of some schedules that are not over',
    filter: { open: true, scheduleId: { $in: ['x', 'y'] } },
  },
  {
    collection: 'runs',
    purpose: 'runs of a page of schedules that are not over',
    filter: { open: true, scheduleId: { $gt: 'x', $lte: 'y' } },
  },
  {
    collection: 'runs',
    purpose: 'schedules that have records, one after the other',
    filter: { scheduleId: { $gt: 'x' } },
    sort: { scheduleId: 1 },
  },
  {
    collection: 'runs',
    purpose: 'runs in some states of the end, newest first',
    filter: { state: { $in: ['failed', 'timed-out'] }, ...HAS_ENDED },
    sort: { nominal: -1, _id: -1 },
    index: { key: { state: 1, nominal: -1, _id: -1 }, options: { partialFilterExpression: HAS_ENDED } },
  },
  {
    collection: 'runs',
    purpose: 'how many of the last hour ended in a state',
    filter: { state: 'failed', nominal: { $gte: new Date(0) }, ...HAS_ENDED },
  },
  {
    collection: 'runs',
    purpose: 'runs of a schedule in some states of the end, newest first',
    filter: {
      scheduleId: 'x',
      kind: { $in: ['tick', 'manual'] },
      state: { $in: ['failed', 'timed-out'] },
      ...HAS_ENDED,
    },
    sort: { nominal: -1, _id: -1 },
    // Its end only so that places in it can be counted without a look at the records.
    index: {
      key: { scheduleId: 1, kind: 1, state: 1, nominal: -1, _id: -1, endedAt: 1 },
      options: { partialFilterExpression: HAS_ENDED },
    },
  },
  {
    collection: 'runs',
    purpose: 'runs in some states before the end: few enough to be sorted',
    filter: { open: true, state: { $in: ['queued', 'running'] } },
  },
  {
    collection: 'runs',
    purpose: 'runs of a schedule in some states before the end: few enough to be sorted',
    filter: { open: true, scheduleId: 'x', state: { $in: ['queued', 'running'] } },
  },
  {
    collection: 'runs',
    purpose: 'records of one kind that are too old or too many',
    filter: {
      scheduleId: 'x',
      kind: 'tick',
      state: { $in: ['succeeded', 'failed', 'timed-out', 'cancelled'] },
      nominal: { $lt: new Date(0) },
      ...HAS_ENDED,
    },
    sort: { nominal: -1 },
  },
  {
    collection: 'runs',
    purpose: 'overrides of schedules that were deleted',
    filter: {
      scheduleId: { $in: ['x', 'y'] },
      kind: 'manual',
      state: { $in: ['succeeded', 'failed', 'timed-out', 'cancelled', 'skipped'] },
      'request.configOverride': { $exists: true },
      ...HAS_ENDED,
    },
  },
  { collection: 'runRetention', purpose: 'since when records are complete', filter: { _id: 'x' } },
  { collection: 'eventOrder', purpose: 'newest event of a bot', filter: { _id: 'x' } },
  { collection: 'scheduleEventOrder', purpose: 'newest event of a schedule', filter: { _id: 'x' } },
  {
    collection: 'scheduleEventOrder',
    purpose: 'expiry of tombstones',
    filter: { deletedAt: { $lt: new Date(0) } },
    index: { key: { deletedAt: 1 }, options: { expireAfterSeconds: TOMBSTONE_DAYS * DAY_SECONDS } },
  },
  {
    collection: 'eventOrder',
    purpose: 'expiry of tombstones',
    filter: { deletedAt: { $lt: new Date(0) } },
    index: { key: { deletedAt: 1 }, options: { expireAfterSeconds: TOMBSTONE_DAYS * DAY_SECONDS } },
  },
  { collection: 'eventSessions', purpose: 'sessions of a consumer', filter: { _id: 'x' } },
  {
    collection: 'poison',
    purpose: 'the newest poison events, and their expiry',
    filter: {},
    sort: { at: -1 },
    index: { key: { at: 1 }, options: { expireAfterSeconds: POISON_DAYS * DAY_SECONDS } },
  },
  {
    collection: 'poison',
    purpose: 'whether a message was kept already',
    filter: { streamCreatedAt: new Date(0), sequence: 1 },
    index: { key: { streamCreatedAt: 1, sequence: 1 } },
  },
  { collection: 'status', purpose: 'one status', filter: { _id: 'x' } },
  { collection: 'status', purpose: 'histories of some bots', filter: { _id: { $in: ['x', 'y'] } } },
  {
    collection: 'status',
    purpose: 'the lock’s holder writes',
    filter: { _id: 'x', 'lock.token': 1, 'lock.owner': 'y' },
  },
  { collection: 'leases', purpose: 'one lease', filter: { _id: 'x', owner: 'y', term: 1 } },
  { collection: 'resumeTokens', purpose: 'one token', filter: { _id: 'x' } },
  { collection: 'installation', purpose: 'one fact', filter: { _id: 'engine' } },
  { collection: 'holds', purpose: 'one hold', filter: { _id: 'x' } },
  { collection: 'holds', purpose: 'holds of some bots', filter: { _id: { $in: ['x', 'y'] } } },
  {
    collection: 'holds',
    purpose: 'holds that `up` placed',
    filter: { who: 'up' },
    index: { key: { who: 1 } },
  },
  { collection: 'restarts', purpose: 'one wish for a restart', filter: { _id: 'x' } },
  { collection: 'restarts', purpose: 'wishes for some bots', filter: { _id: { $in: ['x', 'y'] } } },
  { collection: 'rollouts', purpose: 'one roll-out', filter: { _id: 'x', revision: 1 } },
  {
    collection: 'rollouts',
    purpose: 'roll-outs that are not over, the oldest first',
    filter: { open: true },
    sort: { at: 1 },
    index: { key: { open: 1, at: 1 }, options: { partialFilterExpression: { open: true } } },
  },
  {
    collection: 'rollouts',
    purpose: 'the roll-out that a bot is part of',
    filter: { open: true, bots: 'x' },
    sort: { at: 1 },
  },
  {
    collection: 'rollouts',
    purpose: 'roll-outs, page by page, the newest first',
    filter: { at: { $lte: new Date(0) } },
    sort: { at: -1, _id: -1 },
    index: { key: { at: -1, _id: -1 } },
  },
  {
    collection: 'rollouts',
    purpose: 'expiry of those that are long over',
    filter: { endedAt: { $lt: new Date(0) } },
    index: { key: { endedAt: 1 }, options: { expireAfterSeconds: ROLLOUT_DAYS * DAY_SECONDS } },
  },
  { collection: 'codeVolumes', purpose: 'one volume', filter: { _id: 'x' } },
  {
    collection: 'codeVolumes',
    purpose: 'volumes of a bucket key',
    filter: { keys: 'a/b/1.0.0', engineId: 'x' },
    sort: { createdAt: -1 },
    index: { key: { keys: 1, engineId: 1, createdAt: -1 } },
  },
  {
    collection: 'codeVolumes',
    purpose: 'volumes long unused',
    filter: { lastUsedAt: { $lt: new Date(0) } },
    index: { key: { lastUsedAt: 1 } },
  },
  {
    collection: 'eventOrder',
    purpose: 'whether some bots were deleted',
    filter: { _id: { $in: ['x', 'y'] } },
  },
  {
    collection: 'scheduleEventOrder',
    purpose: 'whether some schedules were deleted',
    filter: { _id: { $in: ['x', 'y'] } },
  },
  { collection: 'pulledImages', purpose: 'one image', filter: { _id: 'x', usedAt: { $lt: new Date(0) } } },
  {
    collection: 'pulledImages',
    purpose: 'images long unused',
    filter: { usedAt: { $lt: new Date(0) } },
    index: { key: { usedAt: 1 } },
  },
  { collection: 'botLogs', purpose: 'where a bot’s log is', filter: { _id: 'x' } },
  { collection: 'botLogs', purpose: 'how the logs of some bots stand', filter: { _id: { $in: ['x', 'y'] } } },
  {
    collection: 'logPositions',
    purpose: 'positions of some containers',
    filter: { _id: { $in: ['x', 'y'] } },
  },
  {
    collection: 'logPositions',
    purpose: 'expiry of those that nobody follows any more',
    filter: { at: { $lt: new Date(0) } },
    index: { key: { at: 1 }, options: { expireAfterSeconds: LOG_POSITION_DAYS * DAY_SECONDS } },
  },
  {
    collection: 'gcReports',
    purpose: 'the newest reports, and their expiry',
    filter: {},
    sort: { startedAt: -1 },
    index: { key: { startedAt: 1 }, options: { expireAfterSeconds: GC_REPORT_DAYS * DAY_SECONDS } },
  },
  {
    collection: 'gcReports',
    purpose: 'the last look through whole buckets',
    filter: { full: true },
    sort: { startedAt: -1 },
    index: { key: { full: 1, startedAt: -1 } },
  },
  { collection: 'queryContainers', purpose: 'how one bot’s queries are answered', filter: { _id: 'x' } },
  {
    collection: 'queryContainers',
    purpose: 'query containers, the longest unused first',
    filter: { state: 'ready' },
    sort: { usedAt: 1 },
    index: { key: { state: 1, usedAt: 1 } },
  },
  { collection: 'queryRequests', purpose: 'one query', filter: { _id: 'x' } },
  {
    collection: 'queryRequests',
    purpose: 'queries that nobody waits for any more',
    filter: { createdAt: { $lt: new Date() } },
    index: { key: { createdAt: 1 }, options: { expireAfterSeconds: QUERY_REQUEST_SECONDS } },
  },
  { collection: 'botState', purpose: 'some states', filter: { _id: { $in: ['x', 'y'] } } },
  {
    collection: 'botState',
    purpose: 'all states, page by page',
    filter: { _id: { $gt: 'x' } },
    sort: { _id: 1 },
  },
  {
    collection: 'botState',
    purpose: 'states over their limit',
    filter: OVER_LIMIT,
    index: { key: { 'overLimit.at': 1 }, options: { partialFilterExpression: OVER_LIMIT } },
  },
  {
    collection: 'botState',
    purpose: 'archives that no start could take',
    filter: REFUSED,
    index: { key: { 'refused.at': 1 }, options: { partialFilterExpression: REFUSED } },
  },
  { collection: 'apiTokens', purpose: 'one token', filter: { _id: 'x' } },
  {
    collection: 'apiTokens',
    purpose: 'tokens of a name',
    filter: { name: 'x' },
    index: { key: { name: 1 } },
  },
  {
    collection: 'apiTokens',
    purpose: 'expiry of those that have expired',
    filter: { expiresAt: { $lt: new Date(0) } },
    index: { key: { expiresAt: 1 }, options: { expireAfterSeconds: TOKEN_DAYS * DAY_SECONDS } },
  },
  {
    collection: 'apiTokens',
    purpose: 'expiry of those that were revoked',
    filter: { revokedAt: { $lt: new Date(0) } },
    index: { key: { revokedAt: 1 }, options: { expireAfterSeconds: TOKEN_DAYS * DAY_SECONDS } },
  },
  { collection: 'browserSessions', purpose: 'one session', filter: { _id: 'x' } },
  {
    collection: 'browserSessions',
    purpose: 'sessions of a token, the newest first',
    filter: { tokenId: 'x' },
    sort: { createdAt: -1 },
    index: { key: { tokenId: 1, createdAt: -1 } },
  },
  {
    collection: 'browserSessions',
    purpose: 'expiry of those that have ended',
    filter: { endsAt: { $lt: new Date(0) } },
    index: { key: { endsAt: 1 }, options: { expireAfterSeconds: 0 } },
  },
  { collection: 'audit', purpose: 'the end of one act', filter: { _id: 'x' } },
  {
    collection: 'audit',
    purpose: 'what was done, newest first',
    filter: {},
    sort: { at: -1, _id: -1 },
    index: { key: { at: -1, _id: -1 } },
  },
  {
    collection: 'audit',
    purpose: 'what was done to one, newest first',
    filter: { target: 'x' },
    sort: { at: -1, _id: -1 },
    index: { key: { target: 1, at: -1, _id: -1 } },
  },
  {
    collection: 'audit',
    purpose: 'what one did, newest first',
    filter: { who: 'x' },
    sort: { at: -1, _id: -1 },
    index: { key: { who: 1, at: -1, _id: -1 } },
  },
  {
    collection: 'audit',
    purpose: 'what was done of one kind, newest first',
    filter: { what: 'x' },
    sort: { at: -1, _id: -1 },
    index: { key: { what: 1, at: -1, _id: -1 } },
  },
  {
    collection: 'audit',
    purpose: 'a further page of what was done to one, of a span',
    filter: {
      target: 'x',
      who: 'x',
      at: { $gte: new Date(0), $lte: new Date(1) },
      $or: [{ at: { $lt: new Date(1) } }, { _id: { $lt: 'x' } }],
    },
    sort: { at: -1, _id: -1 },
  },
  {
    collection: 'audit',
    purpose: 'expiry',
    filter: { at: { $lt: new Date(0) } },
    index: { key: { at: 1 }, options: { expireAfterSeconds: AUDIT_DAYS * DAY_SECONDS } },
  },
  { collection: 'idempotency', purpose: 'one request', filter: { _id: { caller: 'x', key: 'y' } } },
  {
    collection: 'idempotency',
    purpose: 'expiry',
    filter: { at: { $lt: new Date(0) } },
    index: { key: { at: 1 }, options: { expireAfterSeconds: IDEMPOTENCY_SECONDS } },
  },
  {
    collection: 'history',
    purpose: 'what happened, newest first',
    filter: { at: { $lte: new Date(0) } },
    sort: { at: -1, _id: -1 },
    index: { key: { at: -1, _id: -1 } },
  },
  {
    collection: 'history',
    purpose: 'the story of one',
    filter: { story: 'x' },
    sort: { at: -1, _id: -1 },
    index: { key: { story: 1, at: -1, _id: -1 } },
  },
  {
    collection: 'history',
    purpose: 'what was told of one last',
    filter: { story: 'x', id: 'x', kind: { $in: ['phase', 'run', 'removed'] } },
    sort: { at: -1, _id: -1 },
  },
  {
    collection: 'history',
    purpose: 'a further page of what happened of some kinds, of a span',
    filter: {
      kind: { $in: ['hold', 'restart'] },
      at: { $gte: new Date(0), $lte: new Date(1) },
      $or: [{ at: { $lt: new Date(1) } }, { _id: { $lt: 'x' } }],
    },
    sort: { at: -1, _id: -1 },
    index: { key: { kind: 1, at: -1, _id: -1 } },
  },
  {
    collection: 'history',
    purpose: 'expiry',
    filter: { at: { $lt: new Date(0) } },
    index: { key: { at: 1 }, options: { expireAfterSeconds: HISTORY_DAYS * DAY_SECONDS } },
  },
  {
    collection: 'audit',
    purpose: 'who lifted a hold',
    filter: { target: 'x', what: { $in: ['x', 'y'] }, at: { $gte: new Date(0) } },
    sort: { at: -1, _id: -1 },
  },
  { collection: 'processes', purpose: 'one process', filter: { _id: 'x' } },
  {
    collection: 'processes',
    purpose: 'expiry of those that are gone',
    filter: { seenAt: { $lt: new Date(0) } },
    index: { key: { seenAt: 1 }, options: { expireAfterSeconds: PROCESS_SECONDS } },
  },
  {
    collection: 'wishTraces',
    purpose: 'the traces of some wishes',
    filter: { _id: { $in: ['x', 'y'] }, at: { $gt: new Date(0) } },
  },
  {
    collection: 'wishTraces',
    purpose: 'expiry',
    filter: { at: { $lt: new Date(0) } },
    index: { key: { at: 1 }, options: { expireAfterSeconds: WISH_TRACE_SECONDS } },
  },
  {
    collection: 'usageRounds',
    purpose: 'the newest',
    filter: {},
    sort: { at: -1 },
    index: { key: { at: 1 }, options: { expireAfterSeconds: USAGE_ROUND_SECONDS } },
  },
  {
    collection: 'usageRounds',
    purpose: 'those of a span',
    filter: { at: { $gte: new Date(0), $lt: new Date(1) } },
    sort: { at: 1 },
  },
  {
    collection: 'usagePoints',
    purpose: 'what one bot used',
    filter: { _id: { $gt: { id: 'x', from: new Date(0) }, $lt: { id: 'x', from: new Date(1) } } },
    sort: { _id: 1 },
  },
  {
    collection: 'usagePoints',
    purpose: 'expiry',
    filter: { from: { $lt: new Date(0) } },
    index: { key: { from: 1 }, options: { expireAfterSeconds: USAGE_POINTS_SECONDS } },
  },
  {
    collection: 'usageMeans',
    purpose: 'what one bot used, in hours',
    filter: { _id: { $gt: { id: 'x', from: new Date(0) }, $lt: { id: 'x', from: new Date(1) } } },
    sort: { _id: 1 },
  },
  {
    collection: 'usageMeans',
    purpose: 'expiry',
    filter: { from: { $lt: new Date(0) } },
    index: { key: { from: 1 }, options: { expireAfterSeconds: USAGE_MEANS_SECONDS } },
  },
  {
    collection: 'status',
    purpose: 'bots that failed again and again',
    filter: { consecutiveFailures: { $gte: 5 } },
    index: {
      key: { consecutiveFailures: 1 },
      options: { partialFilterExpression: FAILED_MORE_THAN_ONCE },
    },
  },
  {
    collection: 'status',
    purpose: 'bots that failed for good',
    filter: FAILED_FOR_GOOD,
    index: { key: { permanent: 1 }, options: { partialFilterExpression: FAILED_FOR_GOOD } },
  },
  {
    collection: 'status',
    purpose: 'bots whose state cannot be had',
    filter: WITHOUT_STATE,
    index: { key: { phase: 1 }, options: { partialFilterExpression: WITHOUT_STATE } },
  },
  {
    collection: 'scheduleStatus',
    purpose: 'schedules that missed ticks of late',
    filter: { 'missed.at': { $gt: new Date(0) } },
    index: { key: { 'missed.at': 1 }, options: { partialFilterExpression: HAS_MISSED } },
  },
  { collection: 'notifications', purpose: 'one problem', filter: { _id: 'x', open: true } },
  {
    collection: 'notifications',
    purpose: 'problems that are not over',
    filter: { open: true },
    index: { key: { open: 1 }, options: { partialFilterExpression: { open: true } } },
  },
  {
    collection: 'notifications',
    purpose: 'problems of which a message is to be made',
    filter: HAS_PENDING,
    index: { key: { 'pending.at': 1 }, options: { partialFilterExpression: HAS_PENDING } },
  },
  {
    collection: 'notifications',
    purpose: 'expiry of those that are long over',
    filter: { resolvedAt: { $lt: new Date(0) } },
    index: { key: { resolvedAt: 1 }, options: { expireAfterSeconds: NOTIFICATION_DAYS * DAY_SECONDS } },
  },
  { collection: 'notificationOutbox', purpose: 'one message', filter: { _id: 'x', waiting: true } },
  {
    collection: 'notificationOutbox',
    purpose: 'messages that a receiver is still to get, the next first',
    filter: { waiting: true, receiver: 'x', nextAt: { $lte: new Date(0) } },
    sort: { nextAt: 1 },
    index: {
      key: { waiting: 1, receiver: 1, nextAt: 1 },
      options: { partialFilterExpression: { waiting: true } },
    },
  },
  {
    collection: 'notificationOutbox',
    purpose: 'expiry of those that are settled',
    filter: { settledAt: { $lt: new Date(0) } },
    index: { key: { settledAt: 1 }, options: { expireAfterSeconds: NOTIFICATION_DAYS * DAY_SECONDS } },
  },
];
