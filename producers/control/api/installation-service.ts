import type { ServiceImpl } from '@connectrpc/connect';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { BotPhase } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { SchedulePhase } from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';
import {
  Role as WireRole,
  type StatsSchema,
  type TokenSchema,
  type InstallationService,
} from '../../../proto/gen/the0/runtime/v1/installation_pb.js';
import type { ApiTokenDocument } from '../../../infra/mongo/collections.ts';
import { ROLES } from '../../../model/access.ts';
import { SCHEDULE_PHASES } from '../../../model/schedule-status.ts';
import { PHASES } from '../../../model/status.ts';
import type { Stats, StatsReader } from '../installation/stats.ts';
import { createToken, listTokens, revokeToken, type TokenDeps } from '../tokens/tokens.ts';
import { callerKey } from './caller.ts';
import { lasting, msOf, stamp, wordsOf } from './wire.ts';

export type InstallationDeps = TokenDeps & {
  stats: StatsReader;
  installation: string;
  /** Of this process. */
  version: string;
};

const roles = wordsOf(ROLES, WireRole);
const botPhases = wordsOf(PHASES, BotPhase);
const schedulePhases = wordsOf([...SCHEDULE_PHASES, 'pending'], SchedulePhase);

export function installationService(deps: InstallationDeps): ServiceImpl<typeof InstallationService> {
  return {
    getStats: async () => ({ stats: statsMessage(await deps.stats.read(), deps) }),

    whoAmI: (_request, { values }) => {
      const { name, role, expiresAt } = values.get(callerKey);
      return { name, role: roles.value(role), expiresAt: stamp(expiresAt) };
    },

    listTokens: async () => ({ tokens: (await listTokens(deps)).map(tokenMessage) }),

    createToken: async ({ name, role, lifetime }, { values }) => {
      const { token, text } = await createToken(deps, {
        name,
        // Validated: it is one of the three.
        role: roles.words([role])[0] ?? 'viewer',
        createdBy: values.get(callerKey).name,
        lifetimeMs: msOf(lifetime),
      });
      return { token: tokenMessage(token), text };
    },

    revokeToken: async ({ id }, { values }) => {
      const { token, changed } = await revokeToken(deps, { id, revokedBy: values.get(callerKey).name });
      return { token: tokenMessage(token), changed };
    },
  };
}

function tokenMessage(token: ApiTokenDocument): MessageInitShape<typeof TokenSchema> {
  const { _id, name, role, createdBy, createdAt, expiresAt, revokedAt, usedAt } = token;
  return {
    id: _id,
    name,
    role: roles.value(role),
    createdBy,
    createdAt: stamp(createdAt),
    expiresAt: stamp(expiresAt),
    revokedAt: stamp(revokedAt),
    usedAt: stamp(usedAt),
  };
}

function statsMessage(
  stats: Stats,
  { installation, version }: Pick<InstallationDeps, 'installation' | 'version'>,
): MessageInitShape<typeof StatsSchema> {
  return {
    installation,
    version,
    now: stamp(stats.now),
    bots: [...stats.bots].map(([phase, count]) => ({ phase: botPhases.value(phase), count })),
    schedules: [...stats.schedules].map(([phase, count]) => ({ phase: schedulePhases.value(phase), count })),
    servers: stats.servers.map(({ name, reachable, version: found, latencyMs, clockSkewMs, problem }) => ({
      name,
      reachable,
      version: found,
      problem,
      latency: lasting(latencyMs),
      clockSkew: lasting(clockSkewMs),
    })),
    processes: stats.processes.map(({ _id, service, version: its, host, startedAt, seenAt, leases }) => ({
      owner: _id,
      service,
      version: its,
      host,
      leases,
      startedAt: stamp(startedAt),
      seenAt: stamp(seenAt),
    })),
    runsLastHour: [...stats.runsLastHour].map(([name, count]) => ({ name, count: BigInt(count) })),
    poisonEvents: BigInt(stats.poisonEvents),
    jobsWaiting: BigInt(stats.jobsWaiting),
    oldestWaiting: lasting(stats.oldestWaitingSeconds * 1000),
  };
}
