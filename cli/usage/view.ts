import { UsageKind, type ListUsageResponse, type Usage } from '../../proto/gen/the0/runtime/v1/usage_pb.js';
import { msOf } from '../../producers/control/api/wire.ts';
import { iso, text } from '../client/views/fields.ts';

/** What something uses. Cores, bytes, and bytes a second; null: not known, or without limit. */
export type UsageView = {
  cpuCores: number;
  cpuLimitCores: number | null;
  memoryBytes: number;
  memoryLimitBytes: number | null;
  pids: number;
  containers: number;
  diskRead: number | null;
  diskWritten: number | null;
  networkReceived: number | null;
  networkSent: number | null;
};

/** What `top --json` shows. `at` is null where nothing was measured of late. */
export type TopView = {
  at: string | null;
  intervalMs: number | null;
  count: number;
  hostCores: number | null;
  hostMemoryBytes: number | null;
  total: UsageView | null;
  rows: ({ id: string; kind: 'bot' | 'schedule'; name: string | null } & UsageView)[];
};

export const topView = (answer: ListUsageResponse): TopView => ({
  at: iso(answer.at),
  intervalMs: msOf(answer.interval) ?? null,
  count: answer.count,
  hostCores: some(answer.hostCores),
  hostMemoryBytes: some(Number(answer.hostMemoryBytes)),
  total: answer.total === undefined ? null : usageView(answer.total),
  rows: answer.rows.flatMap(({ id, kind, name, usage }) =>
    usage === undefined
      ? []
      : [
          {
            id,
            kind: kind === UsageKind.SCHEDULE ? ('schedule' as const) : ('bot' as const),
            name: text(name),
            ...usageView(usage),
          },
        ],
  ),
});

const usageView = (usage: Usage): UsageView => ({
  cpuCores: usage.cpuCores,
  cpuLimitCores: some(usage.cpuLimitCores),
  memoryBytes: Number(usage.memoryBytes),
  memoryLimitBytes: some(Number(usage.memoryLimitBytes)),
  pids: usage.pids,
  containers: usage.containers,
  diskRead: usage.diskRead ?? null,
  diskWritten: usage.diskWritten ?? null,
  networkReceived: usage.networkReceived ?? null,
  networkSent: usage.networkSent ?? null,
});

const some = (value: number): number | null => (value === 0 ? null : value);
