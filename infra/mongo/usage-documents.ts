import { spanOf, type Usage, type UsageSpan } from '../../model/usage.ts';
import type { At } from '../../model/usage-steps.ts';
import type { ObjectId } from 'mongodb';

/** Whose usage it is. `all`: of everything together, whose id is empty. */
export type UsageKind = 'bot' | 'schedule' | 'all';
export type UsageSample = Usage & { id: string; kind: UsageKind };

/**
 * What everything used at one moment: one document, so that a round costs one write however many containers there are. Kept
 * until its window is over, and has become points and means of each bot.
 */
export type UsageRoundDocument = {
  _id: ObjectId;
  at: Date;
  everyMs: number;
  /** Of the engine's host. */
  host: { cores: number; memoryBytes: number };
  samples: UsageSample[];
};

/** A window of one bot as it was measured: each figure a column, `at` in milliseconds after `from`. */
export type UsagePointsDocument = {
  _id: { id: string; from: Date };
  from: Date;
  at: number[];
  cpu: number[];
  memory: number[];
  pids: number[];
  containers: number[];
  diskRead: (number | null)[];
  diskWritten: (number | null)[];
  networkReceived: (number | null)[];
  networkSent: (number | null)[];
  /** As they were at its end. */
  cpuLimit?: number;
  memoryLimit?: number;
};

/** An hour of one bot: the mean of each window, by the minute at which it begins. */
export type UsageMeansDocument = {
  _id: { id: string; from: Date };
  from: Date;
  spans: Record<string, UsageSpan>;
};

const RATES = ['diskRead', 'diskWritten', 'networkReceived', 'networkSent'] as const;
type Column = 'cpu' | 'memory' | 'pids' | 'containers';

/** Moments of one window, in order, as they are stored. */
export function columnsOf(
  points: readonly At<Usage>[],
  fromMs: number,
): Omit<UsagePointsDocument, '_id' | 'from'> {
  const last = points.at(-1);
  const column = (name: Column): number[] => points.map((point) => point[name]);
  const rate = (name: (typeof RATES)[number]): (number | null)[] =>
    points.map((point) => point[name] ?? null);
  return {
    at: points.map(({ atMs }) => atMs - fromMs),
    cpu: column('cpu'),
    memory: column('memory'),
    pids: column('pids'),
    containers: column('containers'),
    diskRead: rate('diskRead'),
    diskWritten: rate('diskWritten'),
    networkReceived: rate('networkReceived'),
    networkSent: rate('networkSent'),
    ...(last?.cpuLimit === undefined ? {} : { cpuLimit: last.cpuLimit }),
    ...(last?.memoryLimit === undefined ? {} : { memoryLimit: last.memoryLimit }),
  };
}

export function pointsOf(document: UsagePointsDocument): At<UsageSpan>[] {
  const { from, at, cpuLimit, memoryLimit } = document;
  return at.map((offset, row) => {
    const rates = RATES.flatMap((name): [string, number][] => {
      const value = document[name][row];
      return value === undefined || value === null ? [] : [[name, value]];
    });
    const usage = {
      ...Object.fromEntries(rates),
      cpu: document.cpu[row] ?? 0,
      memory: document.memory[row] ?? 0,
      pids: document.pids[row] ?? 0,
      containers: document.containers[row] ?? 0,
      ...(cpuLimit === undefined ? {} : { cpuLimit }),
      ...(memoryLimit === undefined ? {} : { memoryLimit }),
    };
    return { ...spanOf(usage), atMs: from.getTime() + offset };
  });
}

const MINUTE_MS = 60_000;

/** Under which name a window's mean stands in its hour. */
export const meanKey = (atMs: number): string => String(Math.floor(atMs / MINUTE_MS) % 60);

export const meansOf = ({ from, spans }: UsageMeansDocument): At<UsageSpan>[] =>
  Object.entries(spans).map(([minute, span]) => ({
    ...span,
    atMs: from.getTime() + Number(minute) * MINUTE_MS,
  }));
