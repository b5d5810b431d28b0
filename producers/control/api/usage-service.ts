import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  UsageKind,
  UsageOrder,
  type UsageSchema,
  type UsageService,
} from '../../../proto/gen/the0/runtime/v1/usage_pb.js';
import { spanOf, type Usage, type UsageSpan } from '../../../model/usage.ts';
import { readUsage, type UsageDeps } from '../usage/read.ts';
import { topUsage } from '../usage/top.ts';
import { dateOf, lasting, msOf, stamp, wordsOf } from './wire.ts';

const LIMIT = 20;
const kinds = wordsOf(['bot', 'schedule'] as const, UsageKind);
const orders = wordsOf(['memory', 'memory-share'] as const, UsageOrder);

export function usageService(deps: UsageDeps): ServiceImpl<typeof UsageService> {
  return {
    getUsage: async ({ id, from, to, step }) => {
      const found = await readUsage(deps, { id, from: dateOf(from), to: dateOf(to), stepMs: msOf(step) });
      return {
        points: found.points.map((point) => usageMessage(point, new Date(point.atMs))),
        step: lasting(found.stepMs),
        from: stamp(found.from),
        to: stamp(found.to),
      };
    },

    listUsage: async ({ order, kind, limit }) => {
      const { rows, count, round } = await topUsage(deps, {
        order: orders.words([order])[0] ?? 'cpu',
        kind: kinds.words([kind])[0],
        limit: limit === 0 ? LIMIT : limit,
      });
      return {
        rows: rows.map((row) => ({
          id: row.id,
          kind: kinds.value(row.kind),
          name: row.name ?? '',
          usage: usageMessage(spanOf(row.usage), round?.at),
        })),
        ...(round?.total === undefined ? {} : { total: usageMessage(spanOf(round.total), round.at) }),
        hostCores: round?.host.cores ?? 0,
        hostMemoryBytes: BigInt(round?.host.memoryBytes ?? 0),
        at: stamp(round?.at),
        interval: lasting(deps.everyMs),
        count,
      };
    },
  };
}

function usageMessage(span: UsageSpan, at: Date | undefined): MessageInitShape<typeof UsageSchema> {
  const rate = (bytes: Usage['diskRead']): number | undefined =>
    bytes === undefined ? undefined : Math.round(bytes);
  return {
    at: stamp(at),
    cpuCores: span.cpu,
    cpuCoresMax: span.cpuMax,
    memoryBytes: BigInt(Math.round(span.memory)),
    memoryBytesMax: BigInt(Math.round(span.memoryMax)),
    cpuLimitCores: span.cpuLimit ?? 0,
    memoryLimitBytes: BigInt(Math.round(span.memoryLimit ?? 0)),
    pids: span.pids,
    containers: span.containers,
    diskRead: rate(span.diskRead),
    diskWritten: rate(span.diskWritten),
    networkReceived: rate(span.networkReceived),
    networkSent: rate(span.networkSent),
  };
}
