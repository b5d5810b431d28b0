import { ObjectId } from 'mongodb';
import type { Settings } from '../../infra/config/settings.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { columnsOf, type UsageKind } from '../../infra/mongo/usage-documents.ts';
import { USAGE_WINDOW_MS, windowStart } from '../../model/usage-steps.ts';
import { CHATTY, WELL } from './seed-names.ts';
import { MINUTELY, SECONDLY } from './seed-schedules.ts';

const HOUR_MS = 3_600_000;
const LEASE_MS = 600_000;
const SERVICES = ['controller', 'bot-runner', 'bot-scheduler', 'processor', 'processor'];
/** What is done alone, and by which of them. */
const ALONE = [
  ['planner', 1],
  ['scheduler', 2],
  ['history', 0],
  ['gc', 1],
] as const;

/**
 * What an installation that is alive says of itself: processes and what they do alone, and what is used. It ages, so that whoever
 * looks for longer seeds it again.
 */
export async function seedLiving(options: {
  all: Collections;
  settings: Pick<Settings, 'INSTALLATION'>;
  nowMs: number;
}): Promise<void> {
  const { all, settings, nowMs } = options;
  const names = SERVICES.map((service, at) => `${service}@host-${at % 3}:${100 + at}:${at}a`);
  await Promise.all([
    ...SERVICES.map((service, at) =>
      all.processes.replaceOne(
        { _id: names[at] ?? '' },
        {
          service,
          version: '0.1.0',
          host: `host-${at % 3}`,
          startedAt: new Date(nowMs - (at + 2) * 7 * HOUR_MS),
          seenAt: new Date(nowMs - 2_000),
          problems: [],
          engine: service === 'processor' || service === 'bot-runner',
        },
        { upsert: true },
      ),
    ),
    ...ALONE.map(([lease, holder]) =>
      all.leases.replaceOne(
        { _id: `${settings.INSTALLATION}:${lease}` },
        { owner: `${names[holder] ?? ''}/${lease}`, until: new Date(nowMs + LEASE_MS), term: 1 },
        { upsert: true },
      ),
    ),
    ...[[MINUTELY, 60_000] as const, [SECONDLY, 1_000] as const].map(([_id, everyMs]) =>
      all.scheduleStatus.updateOne(
        { _id },
        { $set: { nextAt: new Date((Math.floor(nowMs / everyMs) + 1) * everyMs) } },
      ),
    ),
    seedUsage(all, nowMs),
  ]);
}

/** Two hours of a bot's use, measured each 15 s, with a pause in between. */
async function seedUsage(all: Collections, nowMs: number): Promise<void> {
  await Promise.all([all.usagePoints.deleteMany({ '_id.id': WELL }), all.usageRounds.deleteMany({})]);
  const everyMs = 15_000;
  for (let from = windowStart(nowMs - 2 * HOUR_MS); from + USAGE_WINDOW_MS < nowMs; from += USAGE_WINDOW_MS) {
    const age = (nowMs - from) / 60_000;
    if (age > 34 && age < 42) continue;
    const points = Array.from({ length: USAGE_WINDOW_MS / everyMs }, (_, at) => {
      const atMs = from + at * everyMs;
      const wave = Math.sin(atMs / 400_000) + Math.sin(atMs / 61_000) / 3;
      return {
        atMs,
        cpu: 0.22 + 0.12 * wave,
        memory: Math.round(142e6 + 30e6 * wave - age * 3e5),
        pids: 9,
        containers: 1,
        cpuLimit: 0.5,
        memoryLimit: 268_435_456,
      };
    });
    await all.usagePoints.insertOne({
      _id: { id: WELL, from: new Date(from) },
      from: new Date(from),
      ...columnsOf(points, from),
    });
  }
  await all.usageRounds.insertOne({
    _id: new ObjectId(),
    at: new Date(nowMs - 4_000),
    everyMs,
    host: { cores: 8, memoryBytes: 33_500_000_000 },
    samples: [
      ...[WELL, CHATTY, 'b000000', 'b000001'].map((id, at) =>
        use(id, 'bot', 0.21 / (at + 1), 128e6 / (at + 1), 1),
      ),
      use('', 'all', 3.4, 21e9, 560),
    ],
  });
}

const use = (id: string, kind: UsageKind, cpu: number, memory: number, containers: number) => ({
  id,
  kind,
  cpu,
  memory,
  containers,
  pids: 9 * containers,
  cpuLimit: 0.5,
  memoryLimit: 268_435_456,
});
