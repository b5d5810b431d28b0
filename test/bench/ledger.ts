import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectFakeEngine } from '../../infra/engine/fake/index.ts';
import { ensureEventsStream, publishEvent } from '../../infra/nats/platform-stream.ts';
import type { RunState } from '../../model/runs.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';
import { SCHEDULE_QUEUES } from '../../queues/names.ts';
import { randomFrom } from '../support/chaos-kills.ts';
import { randomFaults } from '../support/chaos-schedule-faults.ts';
import { watchEngineRuns, watchFakeRuns } from '../support/chaos-schedule-history.ts';
import { findingsOf, type LedgerReport } from '../support/chaos-schedule-ledger.ts';
import { ledgerTrial } from '../support/chaos-schedule-trial.ts';
import { openWorld } from '../support/chaos-world.ts';
import { parameter, type Bench, type BenchContext, type BenchServers, type Figure } from './harness/index.ts';

const SCHEDULES = parameter('LEDGER_SCHEDULES', 500);
const SECONDS = parameter('LEDGER_SECONDS', 300);
const ROUNDS = parameter('LEDGER_ROUNDS', 1);
const DOCKER_SCHEDULES = parameter('LEDGER_DOCKER_SCHEDULES', 20);
const DOCKER_SECONDS = parameter('LEDGER_DOCKER_SECONDS', 180);
const DOCKER_ROUNDS = parameter('LEDGER_DOCKER_ROUNDS', 1);
const SEED = parameter('LEDGER_SEED', 20_261_124);

/** Two that may do everything, so that one can succeed the other, and one that only takes jobs. */
const ROLES = ['bot-scheduler', 'bot-scheduler', 'processor'] as const;
const BREAKABLE = ['redis', 'mongo', 'nats'] as const;
/** Share of the stand-ins that end with 1; some schedules then try again. */
const FAILING = 0.1;
const UPDATE_EVERY_MS = 250;
const TICK_PY = 'def main(bot_id, config):\n    print("tick")\n    return {"status": "success"}\n';
const SHOWN_FINDINGS = 20;

export const bench: Bench = {
  name: 'ledger',
  goal:
    `${SCHEDULES} schedules due every 2 s for ${SECONDS} s, processes killed with -9 all the time, Redis emptied twice and stopped, ` +
    `MongoDB and NATS stopped: every nominal time exactly one record, no overlap, no run twice; ${DOCKER_SCHEDULES} for ${DOCKER_SECONDS} s with Docker`,
  async run(context) {
    const fake: LedgerReport[] = [];
    for (let round = 0; round < ROUNDS; round += 1)
      fake.push(await context.within((inner) => onFakeEngine(inner, SEED + round)));
    const docker: LedgerReport[] = [];
    for (let round = 0; round < DOCKER_ROUNDS; round += 1)
      docker.push(await context.within((inner) => onDocker(inner, SEED + round)));
    return [...figures('', fake), ...figures(' with Docker', docker)];
  },
};

async function onFakeEngine(context: BenchContext, seed: number): Promise<LedgerReport> {
  const servers = await context.servers('mongo', 'redis', 'nats', 's3');
  const holder = context.node({
    script: 'test/bench/children/short-runs.ts',
    args: ['100', '500', String(FAILING), String(seed)],
  });
  const { url } = JSON.parse(await holder.line((line) => line.startsWith('{'))) as { url: string };
  const engine = connectFakeEngine({ url, installation: servers.installation });
  context.atEnd('the connection to the fake engine', async () => engine[Symbol.asyncDispose]());
  const world = await openWorld({
    servers,
    engine,
    engineUrl: url,
    queues: SCHEDULE_QUEUES,
    // The defaults suit Docker, which does less when asked for more at once; the fake engine does not mind.
    environment: {
      NATS_URL: servers.natsUrl,
      RUNS_AT_ONCE: String(SCHEDULES),
      QUEUE_CONCURRENCY: '256',
      ENGINE_CONCURRENCY: '64',
    },
  });
  context.atEnd('the world', async () => world[Symbol.asyncDispose]());
  return trial(
    context,
    servers,
    { world, history: watchFakeRuns(engine) },
    { schedules: SCHEDULES, seconds: SECONDS, seed },
  );
}

async function onDocker(context: BenchContext, seed: number): Promise<LedgerReport> {
  const servers = await context.servers('mongo', 'redis', 'nats', 's3');
  const { engine, dockerHost } = await context.dockerEngine(servers.installation);
  const world = await openWorld({
    servers,
    engine,
    queues: SCHEDULE_QUEUES,
    environment: { NATS_URL: servers.natsUrl, DOCKER_HOST: dockerHost },
    code: { 'main.py': TICK_PY },
  });
  context.atEnd('the world', async () => world[Symbol.asyncDispose]());
  return trial(
    context,
    servers,
    { world, history: watchEngineRuns(engine) },
    { schedules: DOCKER_SCHEDULES, seconds: DOCKER_SECONDS, seed },
  );
}

async function trial(
  context: BenchContext,
  servers: BenchServers,
  place: Pick<Parameters<typeof ledgerTrial>[0], 'world' | 'history'>,
  size: { schedules: number; seconds: number; seed: number },
): Promise<LedgerReport> {
  const publish = await publisher(context, servers);
  const random = randomFrom(size.seed);
  const report = await ledgerTrial({
    ...place,
    roles: ROLES,
    schedules: size.schedules,
    seconds: size.seconds,
    faults: randomFaults({ seconds: size.seconds, random, servers: BREAKABLE }),
    servers: servers.running,
    publish: async (documents) => {
      for (const document of documents) await publish('created', document);
    },
    meanwhile: (documents, signal) => updates(documents, publish, random, signal),
    signal: context.signal,
    say: context.say,
  });
  tell(context, report, size.seed);
  return report;
}

type Publish = (kind: 'created' | 'updated', document: ScheduleDocument) => Promise<unknown>;

async function publisher(context: BenchContext, servers: BenchServers): Promise<Publish> {
  const connection = await connect({
    servers: servers.natsUrl,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
  });
  context.atEnd('the publisher', () => connection.close());
  await ensureEventsStream(await jetstreamManager(connection));
  const js = jetstream(connection);
  return (kind, { id, config, custom }) =>
    publishEvent(js, `the0.bot-schedule.${kind}`, { id, config, custom });
}

/** Changes of the config that leave the times alone, all the while: none may lose or double a tick. */
async function updates(
  documents: readonly ScheduleDocument[],
  publish: Publish,
  random: () => number,
  signal: AbortSignal,
): Promise<void> {
  for (let version = 1; !signal.aborted; version += 1) {
    await sleep(UPDATE_EVERY_MS);
    const document = documents[Math.floor(random() * documents.length)];
    if (document === undefined) return;
    // What NATS does not take while it is away, nobody was promised.
    await publish('updated', { ...document, config: { ...document.config, v: version } }).catch(
      () => undefined,
    );
  }
}

function tell(context: BenchContext, report: LedgerReport, seed: number): void {
  const { due, records, reasons, starts } = report;
  context.say(`seed ${seed}: ${due} ticks due, ${starts} containers started; records: ${inWords(records)}`);
  context.say(`why: ${inWords(reasons)}`);
  const findings = findingsOf(report);
  context.say(findings.length === 0 ? 'the ledger is clean' : `${findings.length} findings:`);
  for (const finding of findings.slice(0, SHOWN_FINDINGS)) context.say(`  ${finding}`);
}

const inWords = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ') || 'none';

function figures(where: string, reports: readonly LedgerReport[]): Figure[] {
  if (reports.length === 0) return [];
  const sum = (name: string, count: (report: LedgerReport) => number, goal = true): Figure => {
    const runs = reports.map(count);
    return {
      name: `${name}${where}`,
      value: runs.reduce((total, one) => total + one, 0),
      unit: 'ticks',
      runs,
      ...(goal ? { limit: { atMost: 0 } } : {}),
    };
  };
  const recorded = (state: RunState) =>
    sum(`recorded as ${state}`, ({ records }) => records[state] ?? 0, false);
  return [
    sum('findings', (report) => findingsOf(report).length),
    sum('losses', ({ lost }) => lost.length),
    sum('doubles', ({ doubled, invented }) => doubled.length + invented.length),
    sum('overlaps', ({ overlaps }) => overlaps.length),
    sum('executed twice', ({ executedTwice }) => executedTwice.length),
    sum(
      'untrue, unrecorded or open',
      ({ untrue, unrecorded, open }) => untrue.length + unrecorded.length + open.length,
    ),
    sum('due', ({ due }) => due, false),
    ...(['succeeded', 'failed', 'timed-out', 'cancelled', 'skipped'] as const).map(recorded),
  ];
}
