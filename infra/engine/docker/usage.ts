import { setImmediate as breathe } from 'node:timers/promises';
import type { UsageReading } from '../../../model/usage.ts';
import { requireContainerId } from '../ids.ts';
import type { CallOptions, Engine } from '../port.ts';
import type { StatsAnswer } from './api.ts';
import { hasCgroups, readCgroup } from './cgroup-files.ts';
import type { DockerContext } from './context.ts';
import { DockerRefusal } from './failures.ts';

/** So many are read before others of this process have their turn: about 3 ms. */
const READ_AT_ONCE = 50;
/** Each costs the engine a millisecond. */
const ASKED_AT_ONCE = 8;

/** `local`: whether the engine may be on this machine, whose kernel is then asked first, and the engine for the rest. */
export function usageCalls(context: DockerContext, { local }: { local: boolean }): Pick<Engine, 'usage'> {
  const { client } = context;

  const ask = async (id: string, options: CallOptions): Promise<UsageReading | undefined> => {
    try {
      const sample = await client.json<StatsAnswer>({
        method: 'GET',
        path: `/containers/${id}/stats`,
        // One sample: the default waits a second for a second one.
        query: { stream: false, 'one-shot': true },
        doing: 'read the figures of a container',
        signal: options.signal,
      });
      return readingOf(sample, performance.now());
    } catch (error) {
      // Gone, or of this one the engine cannot say: that costs no other its figures.
      if (error instanceof DockerRefusal) return undefined;
      throw error;
    }
  };

  return {
    usage: async (ids, options = {}) => {
      const readings = new Map<string, UsageReading>();
      const keep = (id: string, reading: UsageReading | undefined): void => {
        if (reading !== undefined) readings.set(id, reading);
      };
      let unread = ids.map(requireContainerId);
      if (local && hasCgroups()) {
        for (let from = 0; from < ids.length; from += READ_AT_ONCE) {
          for (const id of ids.slice(from, from + READ_AT_ONCE)) keep(id, readCgroup(id, performance.now()));
          await breathe();
          options.signal?.throwIfAborted();
        }
        unread = unread.filter((id) => !readings.has(id));
      }
      const rest = unread.values();
      await Promise.all(
        Array.from({ length: ASKED_AT_ONCE }, async () => {
          for (const id of rest) keep(id, await ask(id, options));
        }),
      );
      return readings;
    },
  };
}

/** Undefined: it does not run. */
function readingOf(sample: StatsAnswer, atMs: number): UsageReading | undefined {
  const { usage, limit, stats: cache } = sample.memory_stats ?? {};
  if (usage === undefined) return undefined;
  // As `docker stats` counts it.
  const droppable = cache?.total_inactive_file ?? cache?.inactive_file ?? 0;
  const networks = sample.networks && Object.values(sample.networks);
  const disks = sample.blkio_stats?.io_service_bytes_recursive;
  const pids = sample.pids_stats?.current;
  const diskOf = (op: string): number =>
    (disks ?? []).filter((disk) => disk.op.toLowerCase() === op).reduce((sum, { value }) => sum + value, 0);
  return {
    atMs,
    cpuNanos: sample.cpu_stats.cpu_usage.total_usage,
    memoryBytes: Math.max(0, usage - droppable),
    ...(limit === undefined ? {} : { memoryLimitBytes: limit }),
    ...(pids === undefined ? {} : { pids }),
    ...(disks ? { diskReadBytes: diskOf('read'), diskWrittenBytes: diskOf('write') } : {}),
    ...(networks
      ? {
          networkReceivedBytes: networks.reduce((sum, { rx_bytes }) => sum + rx_bytes, 0),
          networkSentBytes: networks.reduce((sum, { tx_bytes }) => sum + tx_bytes, 0),
        }
      : {}),
  };
}
