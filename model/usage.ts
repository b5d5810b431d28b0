/**
 * What a container has used since it was started, and what it may use. `atMs` is of a clock that never jumps: two readings of
 * one container tell what it uses. Counters and limits that are not known are absent.
 */
export type UsageReading = {
  atMs: number;
  /** Processor time. */
  cpuNanos: number;
  /** Without file cache that the kernel can drop at any time. */
  memoryBytes: number;
  /** Absent: none, or not known. */
  memoryLimitBytes?: number;
  cpuLimitCores?: number;
  /** Processes and threads. */
  pids?: number;
  diskReadBytes?: number;
  diskWrittenBytes?: number;
  networkReceivedBytes?: number;
  networkSentBytes?: number;
};

/** What is used at a moment: by one container, or by several together. */
export type Usage = {
  /** Cores: 0.5 is half of one. */
  cpu: number;
  /** Bytes. */
  memory: number;
  cpuLimit?: number;
  memoryLimit?: number;
  pids: number;
  containers: number;
  /** Bytes a second. */
  diskRead?: number;
  diskWritten?: number;
  networkReceived?: number;
  networkSent?: number;
};

/** What was used within a span: means, and the most that was measured. `count`: of how many moments. */
export type UsageSpan = Usage & { cpuMax: number; memoryMax: number; count: number };

const NANOS_PER_MS = 1e6;
/** Of a core: what is less is noise, and costs room. */
const CPU_DIGITS = 4;

type Counter = 'diskReadBytes' | 'diskWrittenBytes' | 'networkReceivedBytes' | 'networkSentBytes';

/** What a container used between two readings. Undefined where they tell nothing: no time went by, or it was started anew. */
export function usageBetween(
  before: Pick<UsageReading, 'atMs' | 'cpuNanos' | Counter>,
  after: UsageReading,
): Usage | undefined {
  const ms = after.atMs - before.atMs;
  if (ms <= 0 || after.cpuNanos < before.cpuNanos) return undefined;
  const rate = (counter: Counter): number | undefined => {
    const [from, to] = [before[counter], after[counter]];
    return from === undefined || to === undefined ? undefined : Math.max(0, ((to - from) / ms) * 1000);
  };
  return known({
    cpu: (after.cpuNanos - before.cpuNanos) / NANOS_PER_MS / ms,
    memory: after.memoryBytes,
    cpuLimit: after.cpuLimitCores,
    memoryLimit: after.memoryLimitBytes,
    pids: after.pids ?? 0,
    containers: 1,
    diskRead: rate('diskReadBytes'),
    diskWritten: rate('diskWrittenBytes'),
    networkReceived: rate('networkReceivedBytes'),
    networkSent: rate('networkSentBytes'),
  });
}

/** Of a container that was started after `atMs`: everything it used, it used since. */
export const startedAfter = (atMs: number): Parameters<typeof usageBetween>[0] => ({
  atMs,
  cpuNanos: 0,
  diskReadBytes: 0,
  diskWrittenBytes: 0,
  networkReceivedBytes: 0,
  networkSentBytes: 0,
});

/** Several at the same moment. A limit counts only where all have one. */
export function together(usages: readonly Usage[]): Usage {
  const limit = (pick: (usage: Usage) => number | undefined): number | undefined =>
    usages.length > 0 && usages.every((usage) => pick(usage) !== undefined) ? sum(usages, pick) : undefined;
  return known({
    cpu: sum(usages, ({ cpu }) => cpu),
    memory: sum(usages, ({ memory }) => memory),
    cpuLimit: limit(({ cpuLimit }) => cpuLimit),
    memoryLimit: limit(({ memoryLimit }) => memoryLimit),
    pids: sum(usages, ({ pids }) => pids),
    containers: sum(usages, ({ containers }) => containers),
    diskRead: sumOfKnown(usages, ({ diskRead }) => diskRead),
    diskWritten: sumOfKnown(usages, ({ diskWritten }) => diskWritten),
    networkReceived: sumOfKnown(usages, ({ networkReceived }) => networkReceived),
    networkSent: sumOfKnown(usages, ({ networkSent }) => networkSent),
  });
}

/** One moment as a span of its own. */
export const spanOf = (usage: Usage): UsageSpan => ({
  ...usage,
  cpuMax: usage.cpu,
  memoryMax: usage.memory,
  count: 1,
});

/** Several spans as one: means by how much was measured, the most of all. Limits are the last ones. At least one is given. */
export function meanOf(spans: readonly UsageSpan[]): UsageSpan {
  const count = sum(spans, ({ count: its }) => its);
  const mean = (pick: (span: UsageSpan) => number | undefined): number | undefined => {
    const measured = spans.filter((span) => pick(span) !== undefined);
    const weight = sum(measured, ({ count: its }) => its);
    return weight === 0 ? undefined : sum(measured, (span) => (pick(span) ?? 0) * span.count) / weight;
  };
  const most = (pick: (span: UsageSpan) => number): number => Math.max(...spans.map(pick));
  const last = spans.at(-1);
  return known({
    cpu: mean(({ cpu }) => cpu) ?? 0,
    memory: mean(({ memory }) => memory) ?? 0,
    cpuMax: most(({ cpuMax }) => cpuMax),
    memoryMax: most(({ memoryMax }) => memoryMax),
    cpuLimit: last?.cpuLimit,
    memoryLimit: last?.memoryLimit,
    pids: most(({ pids }) => pids),
    containers: most(({ containers }) => containers),
    diskRead: mean(({ diskRead }) => diskRead),
    diskWritten: mean(({ diskWritten }) => diskWritten),
    networkReceived: mean(({ networkReceived }) => networkReceived),
    networkSent: mean(({ networkSent }) => networkSent),
    count,
  });
}

/** As it is kept: whole bytes, and no more digits of a core than mean something. */
export function rounded<Kept extends Usage>(usage: Kept): Kept {
  const scale = 10 ** CPU_DIGITS;
  return Object.fromEntries(
    Object.entries(usage as Record<string, unknown>).map(([key, value]) => {
      if (typeof value !== 'number') return [key, value];
      return [key, key.startsWith('cpu') ? Math.round(value * scale) / scale : Math.round(value)];
    }),
  ) as Kept;
}

const sum = <T>(items: readonly T[], pick: (item: T) => number | undefined): number =>
  items.reduce((total, item) => total + (pick(item) ?? 0), 0);

const sumOfKnown = <T>(items: readonly T[], pick: (item: T) => number | undefined): number | undefined =>
  items.some((item) => pick(item) !== undefined) ? sum(items, pick) : undefined;

type Known<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Without what is not known, so that it takes no room. */
const known = <T extends object>(all: T): Known<T> =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Known<T>;
