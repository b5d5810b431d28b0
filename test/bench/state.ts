import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'minio';
import type { Engine } from '../../infra/engine/port.ts';
import { LABEL } from '../../model/labels.ts';
import { stateVolumeName } from '../../model/names.ts';
import { botDocument, newBotId } from '../support/bots.ts';
import { randomFrom } from '../support/chaos-kills.ts';
import { openWorld, untilWell, type World } from '../support/chaos-world.ts';
import { until } from '../support/poll.ts';
import { S3FaultProxy, type S3Fault } from '../support/s3-fault-proxy.ts';
import { filesOf } from '../support/state-archives.ts';
import { parameter, type Bench, type BenchContext, type Figure } from './harness/index.ts';
import {
  archiveAt,
  brokenFiles,
  newStory,
  watchArchive,
  type ArchiveStory,
  type StateFiles,
} from './state-check.ts';
import { STATE_WRITER } from './state-writer.ts';

const SAVES = parameter('STATE_SAVES', 100);
const BOTS = parameter('STATE_BOTS', 2);
const SEED = parameter('STATE_SEED', 20_261_124);
/** Fewer saves by then miss the goal. */
const MOST_SECONDS = parameter('STATE_MOST_SECONDS', 540);

const BUCKET = 'bot-state';
const LOOK_EVERY_MS = 50;
/** After the end of its bot; a save that failed is tried again with growing pauses. */
const SAVED_WITHIN_MS = 90_000;
/** Between two kills, from and to. */
const KILL_MS = [4_000, 15_000] as const;
/** From one outage of S3 to the next, and how long it lasts. */
const OUTAGE_MS = { every: 40_000, lasts: 6_000 };
/** Of each hundred requests, in order of the limits. */
const FAULTS: readonly (readonly [S3Fault, number])[] = [
  ['busy', 5],
  ['lost', 10],
  ['cut', 13],
  ['silent', 14],
];

type Report = {
  stories: readonly ArchiveStory[];
  earlier: readonly string[];
  differing: readonly string[];
  kills: number;
  faults: number;
  startedAnew: number;
  seconds: number;
};

export const bench: Bench = {
  name: 'state',
  goal:
    `${SAVES} saves of ${BOTS} bots that write without rest, in real containers, while processors are killed with -9 and S3 fails: ` +
    'every archive in S3 is one the bot really had, file by file, and none goes back',
  async run(context) {
    const report = await context.within(trial);
    const { stories, earlier, differing, kills, faults, startedAnew, seconds } = report;
    const of = (name: string, runs: number[], unit: string, limit?: Figure['limit']): Figure => ({
      name,
      value: runs.reduce((sum, count) => sum + count, 0),
      unit,
      runs,
      ...(limit === undefined ? {} : { limit }),
    });
    const none = { atMost: 0 };
    return [
      of(
        'files or archives the bot never had',
        stories.map(({ broken }) => broken.length),
        'findings',
        none,
      ),
      of(
        'went back',
        stories.map(({ wentBack }) => wentBack),
        'archives',
        none,
      ),
      of('earlier archives with such files', [earlier.length], 'findings', none),
      of('differs from the volume at the end', [differing.length], 'files', none),
      of('bots started anew', [startedAnew], 'starts', none),
      of(
        'saves',
        stories.map(({ versions }) => versions),
        'archives',
        { atLeast: SAVES },
      ),
      of('a save every', [(seconds * BOTS) / stories.reduce((sum, { versions }) => sum + versions, 0)], 's'),
      of('processors killed', [kills], 'kills'),
      of('S3 requests that failed', [faults], 'requests'),
    ];
  },
};

async function trial(context: BenchContext): Promise<Report> {
  const random = randomFrom(SEED);
  const servers = await context.servers('mongo', 'redis', 's3');
  const { engine, dockerHost } = await context.dockerEngine(servers.installation);
  const s3 = await S3FaultProxy.start(servers.s3.port);
  context.atEnd('the proxy of S3', async () => s3[Symbol.asyncDispose]());
  const world = await openWorld({
    servers,
    engine,
    environment: {
      DOCKER_HOST: dockerHost,
      S3_ENDPOINT: s3.endpoint,
      S3_STATE_BUCKET: BUCKET,
      STATE_CHECK_INTERVAL: '500ms',
      STATE_SAVE_INTERVAL: '1s',
      STATE_PLATFORM_INTERVAL: '2s',
    },
    code: { 'main.py': STATE_WRITER },
  });
  context.atEnd('the world', async () => world[Symbol.asyncDispose]());
  const starts = countStarts(engine);
  context.atEnd('the watch of starts', () => starts.stop());
  await world.plan();
  const processors = [await world.spawn('processor'), await world.spawn('processor')];
  const botIds = Array.from({ length: BOTS }, newBotId);
  await world.collections.bots.insertMany(botIds.map((id) => botDocument(id, { filePath: world.filePath })));
  await untilWell(world, { timeoutMs: 120_000 });

  const client = new Client(servers.s3);
  const over = new AbortController();
  const beganMs = performance.now();
  const secondsSince = (): number => (performance.now() - beganMs) / 1000;
  const stories = botIds.map(newStory);
  const watching = Promise.all(
    stories.map((story) => watchArchive({ client, bucket: BUCKET }, story, LOOK_EVERY_MS, over.signal)),
  );
  // Heard of below; until then it is nobody's unhandled rejection.
  watching.catch(() => undefined);
  const saves = (): number => stories.reduce((sum, { versions }) => sum + versions, 0);

  const faults = failing(s3, random);
  let kills = 0;
  while (saves() < SAVES && secondsSince() < MOST_SECONDS) {
    await sleep(KILL_MS[0] + random() * (KILL_MS[1] - KILL_MS[0]));
    const victim = kills % 2;
    processors[victim]?.kill('SIGKILL');
    kills += 1;
    await processors[victim]?.ended;
    // S3 may just fail, which a start survives.
    processors[victim] = await world.spawn('processor', {}, 60_000);
    context.say(
      `${kills} kills, ${saves()} saves, ${faults()} failed requests in ${Math.round(secondsSince())} s`,
    );
  }
  const seconds = secondsSince();
  s3.fault = () => 'pass';
  const startedAnew = starts.count() - BOTS;
  await rest(world, botIds.length);
  const volumes = new Map(
    await Promise.all(botIds.map(async (botId) => [botId, await volumeOf(world.engine, botId)] as const)),
  );
  const differing = await lastDifferences(client, volumes);
  over.abort();
  await watching;
  // A bot that ends between emptying a file and writing it leaves it empty: that is what it has then.
  for (const story of stories) {
    const torn = new Set(brokenFiles(volumes.get(story.botId) ?? {}));
    story.broken = story.broken.filter((file) => !torn.has(file));
  }
  const report = {
    stories,
    earlier: await judgeEarlier(client),
    differing,
    kills,
    faults: faults(),
    startedAnew,
    seconds,
  };
  for (const line of [
    ...stories.flatMap(({ broken }) => broken),
    ...report.earlier,
    ...report.differing,
  ].slice(0, 20))
    context.say(`  ${line}`);
  return report;
}

/** From now on some requests fail, and now and then all of them; tells how many did. */
function failing(s3: S3FaultProxy, random: () => number): () => number {
  const beganMs = performance.now();
  let failed = 0;
  s3.fault = () => {
    const sinceMs = performance.now() - beganMs;
    const outage = Math.floor(sinceMs / OUTAGE_MS.every);
    const isOut = outage > 0 && sinceMs % OUTAGE_MS.every < OUTAGE_MS.lasts;
    const dice = random() * 100;
    const fault = isOut
      ? outage % 2 === 0
        ? 'silent'
        : 'busy'
      : (FAULTS.find(([, below]) => dice < below)?.[0] ?? 'pass');
    if (fault !== 'pass') failed += 1;
    return fault;
  };
  return () => failed;
}

/** How often bots have been started, by the engine. */
function countStarts(engine: Engine): { count(): number; stop(): Promise<void> } {
  let count = 0;
  const ending = new AbortController();
  const following = (async () => {
    for await (const { type, labels } of engine.events({ signal: ending.signal }))
      if (type === 'started' && labels[LABEL.kind] === 'bot') count += 1;
  })();
  return {
    count: () => count,
    async stop() {
      ending.abort();
      await following;
    },
  };
}

async function rest(world: World, bots: number): Promise<void> {
  const { bots: documents, status } = world.collections;
  await documents.updateMany({}, { $set: { 'config.enabled': false } });
  await until(async () => (await status.countDocuments({ phase: 'stopped' })) === bots, {
    timeoutMs: 180_000,
    everyMs: 200,
    what: 'the end of all bots',
  });
}

async function judgeEarlier(client: Client): Promise<string[]> {
  const findings: string[] = [];
  const listed = client.listObjectsV2(BUCKET, '.history/', true) as AsyncIterable<{ name?: string }>;
  for await (const { name } of listed) {
    if (name === undefined || !name.endsWith('.tar.gz')) continue;
    const files = await archiveAt(client, BUCKET, name, findings);
    if (files !== undefined) findings.push(...brokenFiles(files).map((file) => `${name}: ${file}`));
  }
  return findings;
}

/** A bot at rest has in S3 what is on its volume, soon: what failed at its end, or was written just then, is saved again. */
async function lastDifferences(
  client: Client,
  volumes: ReadonlyMap<string, StateFiles>,
): Promise<readonly string[]> {
  const deadlineMs = performance.now() + SAVED_WITHIN_MS;
  for (;;) {
    const findings = await differences(client, volumes);
    if (findings.length === 0 || performance.now() > deadlineMs) return findings;
    await sleep(500);
  }
}

async function differences(client: Client, volumes: ReadonlyMap<string, StateFiles>): Promise<string[]> {
  const findings: string[] = [];
  for (const [botId, volume] of volumes) {
    const archive = (await archiveAt(client, BUCKET, `${botId}/state.tar.gz`, findings)) ?? {};
    for (const name of new Set([...Object.keys(volume), ...Object.keys(archive)]))
      if (volume[name] !== archive[name])
        findings.push(`${botId}: ${name} is other in S3 than on the volume`);
  }
  return findings;
}

async function volumeOf(engine: Engine, botId: string): Promise<StateFiles> {
  const { installation } = engine;
  const image = await engine.resolveImage('python:3.11-slim');
  const id = await engine.create({
    name: `${installation}_bench_${botId}`,
    kind: 'helper',
    image: image ?? '',
    command: ['true'],
    workingDir: '/',
    env: {},
    labels: {},
    limits: {
      memoryBytes: 2 ** 26,
      cpus: 1,
      cpuShares: 512,
      pids: 64,
      nofile: 256,
      nproc: 4096,
      shmBytes: 2 ** 20,
    },
    volumes: [
      {
        volume: stateVolumeName(installation, botId),
        path: '/state',
        readOnly: true,
        labels: { [LABEL.id]: botId },
      },
    ],
    tmpfs: [],
    network: 'none',
  });
  try {
    return await filesOf((await engine.readArchive(id, '/state')) as AsyncIterable<Buffer>, 'state/');
  } finally {
    await engine.remove(id, { force: true });
  }
}
