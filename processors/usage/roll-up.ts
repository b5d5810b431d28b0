import type { AnyBulkWriteOperation } from 'mongodb';
import type { Collections } from '../../infra/mongo/collections.ts';
import {
  columnsOf,
  meanKey,
  type UsageMeansDocument,
  type UsagePointsDocument,
  type UsageRoundDocument,
} from '../../infra/mongo/usage-documents.ts';
import { slices } from '../../infra/slices.ts';
import { meanOf, rounded, spanOf, type Usage } from '../../model/usage.ts';
import { USAGE_WINDOW_MS, windowStart, type At } from '../../model/usage-steps.ts';

const HOUR_MS = 3_600_000;

export type UsageStores = Pick<Collections, 'usageRounds' | 'usagePoints' | 'usageMeans'>;

/**
 * Makes points and means of the rounds of every window that is over, and takes those rounds away. Whoever does it again after
 * a crash adds nothing twice: what is written already stays as it is.
 */
export async function rollUp(stores: UsageStores, now: Date): Promise<void> {
  const endMs = windowStart(now.getTime());
  for (;;) {
    const oldest = await stores.usageRounds.findOne(
      { at: { $lt: new Date(endMs) } },
      { sort: { at: 1 }, projection: { at: 1 } },
    );
    if (oldest === null) return;
    await rollUpWindow(stores, windowStart(oldest.at.getTime()));
  }
}

async function rollUpWindow(
  { usageRounds, usagePoints, usageMeans }: UsageStores,
  fromMs: number,
): Promise<void> {
  const within = { at: { $gte: new Date(fromMs), $lt: new Date(fromMs + USAGE_WINDOW_MS) } };
  // One at a time: that of a large fleet has a megabyte, which takes its time to be read.
  const rounds = usageRounds.find(within, { sort: { at: 1 }, batchSize: 1 });
  for await (const subjects of slices([...(await bySubject(rounds))])) {
    await usagePoints.bulkWrite(
      subjects.map(([id, points]) => pointsOperation(id, points, fromMs)),
      { ordered: false },
    );
    await usageMeans.bulkWrite(
      subjects.map(([id, points]) => meansOperation(id, points, fromMs)),
      { ordered: false },
    );
  }
  await usageRounds.deleteMany(within);
}

async function bySubject(rounds: AsyncIterable<UsageRoundDocument>): Promise<Map<string, At<Usage>[]>> {
  const subjects = new Map<string, At<Usage>[]>();
  for await (const { at, samples } of rounds)
    for (const { id, kind: _kind, ...usage } of samples) {
      const points = subjects.get(id) ?? [];
      points.push({ ...usage, atMs: at.getTime() });
      subjects.set(id, points);
    }
  return subjects;
}

function pointsOperation(
  id: string,
  points: readonly At<Usage>[],
  fromMs: number,
): AnyBulkWriteOperation<UsagePointsDocument> {
  const from = new Date(fromMs);
  return {
    updateOne: {
      filter: { _id: { id, from } },
      update: { $setOnInsert: { from, ...columnsOf(points, fromMs) } },
      upsert: true,
    },
  };
}

function meansOperation(
  id: string,
  points: readonly At<Usage>[],
  fromMs: number,
): AnyBulkWriteOperation<UsageMeansDocument> {
  const from = new Date(windowStart(fromMs, HOUR_MS));
  const span = rounded(meanOf(points.map(({ atMs: _at, ...usage }) => spanOf(usage))));
  // As a pipeline, so that a mean that is there outranks this one.
  const spans = { $mergeObjects: [{ $literal: { [meanKey(fromMs)]: span } }, '$spans'] };
  return {
    updateOne: { filter: { _id: { id, from } }, update: [{ $set: { from, spans } }], upsert: true },
  };
}
