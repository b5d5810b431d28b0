import type { Phase } from '../../model/status.ts';
import type { ViewPhase } from '../../producers/control/schedule-list/view.ts';
import { botPhases } from '../../producers/control/api/bot-messages.ts';
import { schedulePhases } from '../../producers/control/api/schedule-messages.ts';
import { msOf } from '../../producers/control/api/wire.ts';
import type { Stats } from '../../proto/gen/the0/runtime/v1/installation_pb.js';
import { iso, text } from '../client/views/fields.ts';

/** The installation as `stats --json` shows it. Phases and outcomes with none are left out. */
export type StatsView = {
  installation: string;
  version: string;
  now: string | null;
  bots: Partial<Record<Phase, number>>;
  schedules: Partial<Record<ViewPhase, number>>;
  runsLastHour: Record<string, number>;
  jobsWaiting: number;
  oldestWaitingMs: number | null;
  poisonEvents: number;
  servers: {
    name: string;
    reachable: boolean;
    version: string | null;
    latencyMs: number | null;
    clockSkewMs: number | null;
    problem: string | null;
  }[];
  processes: {
    owner: string;
    service: string;
    version: string;
    host: string;
    startedAt: string | null;
    seenAt: string | null;
    leases: string[];
  }[];
};

export const statsView = (stats: Stats): StatsView => ({
  installation: stats.installation,
  version: stats.version,
  now: iso(stats.now),
  bots: Object.fromEntries(
    stats.bots.flatMap(({ phase, count }) => botPhases.words([phase]).map((word) => [word, count])),
  ),
  schedules: Object.fromEntries(
    stats.schedules.flatMap(({ phase, count }) => schedulePhases.words([phase]).map((word) => [word, count])),
  ),
  runsLastHour: Object.fromEntries(stats.runsLastHour.map(({ name, count }) => [name, Number(count)])),
  jobsWaiting: Number(stats.jobsWaiting),
  oldestWaitingMs: msOf(stats.oldestWaiting) ?? null,
  poisonEvents: Number(stats.poisonEvents),
  servers: stats.servers.map((server) => ({
    name: server.name,
    reachable: server.reachable,
    version: text(server.version),
    latencyMs: msOf(server.latency) ?? null,
    clockSkewMs: msOf(server.clockSkew) ?? null,
    problem: text(server.problem),
  })),
  processes: stats.processes.map(({ owner, service, version, host, startedAt, seenAt, leases }) => ({
    owner,
    service,
    version,
    host,
    startedAt: iso(startedAt),
    seenAt: iso(seenAt),
    leases,
  })),
});
