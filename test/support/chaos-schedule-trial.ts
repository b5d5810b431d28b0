import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningServer, ServerKind } from '../../infra/local/types.ts';
import type { Run } from '../../model/runs.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';
import { newBotId } from './bots.ts';
import { scheduleDocument } from './chaos-schedule-documents.ts';
import { runFaults, type Fault } from './chaos-schedule-faults.ts';
import type { HistoryWatch } from './chaos-schedule-history.ts';
import {
  checkLedger,
  type LedgerRecord,
  type LedgerReport,
  type LedgerSchedule,
} from './chaos-schedule-ledger.ts';
import type { Child, ChildRole, World } from './chaos-world.ts';
import { until } from './poll.ts';

/** Due every two seconds: one half of the schedules on the even ones, the other on the odd. */
const CRONS = ['*/2 * * * * *', '1-59/2 * * * * *'] as const;
const ZONE = 'UTC';
/** Every so many schedules try a failed run once more: under faults, an attempt must not be doubled either. */
const RETRYING_EVERY = 5;
const RETRIES = { retries: { count: 1, delay: '1s' } };
/** For what is behind to be made good once everything is up again. */
const HEAL_MS = 120_000;
const START_MS = 120_000;

export type TrialOptions = {
  /** Its processors have the queues of schedules. */
  world: World;
  history: HistoryWatch;
  roles: readonly ChildRole[];
  /** More settings of each of them, and of who comes in its place. */
  environmentOf?: (member: number) => Readonly<Record<string, string>>;
  schedules: number;
  /** From when all schedules are active. */
  seconds: number;
  faults: readonly Fault[];
  /** Those that may be stopped. */
  servers: Readonly<Partial<Record<ServerKind, RunningServer>>>;
  /** Makes the schedules known, as the platform does. */
  publish: (documents: readonly ScheduleDocument[]) => Promise<unknown>;
  /** What else goes on meanwhile, with the schedules' documents; ends when told. */
  meanwhile?: (documents: readonly ScheduleDocument[], signal: AbortSignal) => Promise<unknown>;
  signal?: AbortSignal;
  say?: (line: string) => void;
};

/**
 * Schedules of overlap `forbid`, and everything that can go wrong; then calm, until all that was due has its record and
 * every run is over. Resolves with what the check of the ledger says.
 */
export async function ledgerTrial(options: TrialOptions): Promise<LedgerReport> {
  const { world, seconds, signal, say = () => undefined } = options;
  const { scheduleStatus, schedules, runs } = world.collections;
  const documents = Array.from({ length: options.schedules }, (_, index) =>
    scheduleDocument({
      id: newBotId(),
      filePath: world.filePath,
      cron: cronOf(index),
      config: index % RETRYING_EVERY === 0 ? RETRIES : {},
    }),
  );
  const family = await Family.start(world, options.roles, { say, environmentOf: options.environmentOf });
  await options.publish(documents);
  await until(async () => (await scheduleStatus.countDocuments({ phase: 'active' })) === documents.length, {
    timeoutMs: START_MS,
    everyMs: 200,
    what: `${documents.length} active schedules`,
  });

  const fromMs = Date.now();
  const calm = new AbortController();
  const meanwhile = options.meanwhile?.(documents, calm.signal);
  const redis = new Redis(world.servers.redisUrl, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  try {
    await runFaults(options.faults, {
      seconds,
      act: { kill: (dice) => family.kill(dice), flush: () => redis.flushall(), servers: options.servers },
      say,
      ...(signal === undefined ? {} : { signal }),
    });
  } finally {
    calm.abort();
    redis.disconnect();
    await meanwhile;
  }
  const untilMs = Date.now();
  await family.settled();
  say('everything is up again');

  // The check says better than a timeout what is missing.
  const tell = (error: unknown): void => say(String(error));
  const inTime = async (): Promise<boolean> =>
    (await scheduleStatus.countDocuments({ phase: 'active', nextAt: { $gt: new Date(untilMs) } })) ===
      documents.length &&
    (await runs.countDocuments({ open: true, nominal: { $lte: new Date(untilMs) } })) === 0;
  await until(inTime, { timeoutMs: HEAL_MS, everyMs: 250, what: 'all that was due being over' }).then(
    () => say(`all that was due is over ${((Date.now() - untilMs) / 1000).toFixed(1)} s later`),
    tell,
  );
  const over = async (): Promise<boolean> => {
    // Again and again, since an event that comes late would enable one again.
    await schedules.updateMany({ 'config.enabled': { $ne: false } }, { $set: { 'config.enabled': false } });
    await sleep(250);
    return (
      (await scheduleStatus.countDocuments({ phase: 'active' })) === 0 &&
      (await runs.countDocuments({ open: true })) === 0
    );
  };
  await until(over, { timeoutMs: HEAL_MS, everyMs: 250, what: 'every run being over' }).catch(tell);
  await family.end();
  return checkLedger({
    schedules: documents.map(({ id }, index) => ledgerSchedule(id, cronOf(index))),
    records: await recordsOf(world),
    history: await options.history.stop(),
    fromMs,
    untilMs,
  });
}

const cronOf = (index: number): string => CRONS[index % CRONS.length] ?? CRONS[0];

const ledgerSchedule = (id: string, cron: string): LedgerSchedule => ({ id, cron, zone: ZONE, max: 1 });

function recordsOf(world: World): Promise<LedgerRecord[]> {
  return world.collections.runs
    .find({})
    .project<Pick<Run, keyof LedgerRecord>>({
      scheduleId: 1,
      kind: 1,
      nominal: 1,
      state: 1,
      startedAt: 1,
      reason: 1,
      'attempts.startedAt': 1,
    })
    .toArray();
}

type Member = {
  role: ChildRole;
  environment: Readonly<Record<string, string>>;
  child: Child | undefined;
};
type FamilyOptions = {
  say: (line: string) => void;
  environmentOf: TrialOptions['environmentOf'];
};

/** The processes of a trial: who is killed has a successor at once. */
class Family {
  readonly #world: World;
  readonly #say: (line: string) => void;
  readonly #members: Member[];
  readonly #starting = new Set<Promise<void>>();
  #failed: Error | undefined;

  private constructor(world: World, roles: readonly ChildRole[], { say, environmentOf }: FamilyOptions) {
    this.#world = world;
    this.#say = say;
    this.#members = roles.map((role, index) => ({
      role,
      environment: environmentOf?.(index) ?? {},
      child: undefined,
    }));
  }

  static async start(world: World, roles: readonly ChildRole[], options: FamilyOptions): Promise<Family> {
    const family = new Family(world, roles, options);
    for (const member of family.#members) family.#replace(member);
    await family.settled();
    return family;
  }

  /** Nobody dies while a successor is still starting and nobody else is there. */
  kill(dice: number): void {
    const up = this.#members.filter(({ child }) => child !== undefined);
    const victim = up[Math.floor(dice * up.length)];
    if (victim === undefined) return;
    victim.child?.kill('SIGKILL');
    this.#say(`killed a ${victim.role} of ${up.length} processes`);
    this.#replace(victim);
  }

  /** Waits until everybody is ready. @throws what kept one of them from starting */
  async settled(): Promise<void> {
    while (this.#starting.size > 0) await Promise.all(this.#starting);
    if (this.#failed !== undefined) throw this.#failed;
  }

  async end(): Promise<void> {
    await this.settled();
    for (const { child } of this.#members) child?.kill('SIGTERM');
    for (const { child } of this.#members) await child?.ended;
  }

  #replace(member: Member): void {
    member.child = undefined;
    const starting = this.#world
      .spawn(member.role, member.environment, START_MS)
      .then((child) => void (member.child = child))
      .catch((error: unknown) => void (this.#failed ??= error as Error))
      .finally(() => this.#starting.delete(starting));
    this.#starting.add(starting);
  }
}
