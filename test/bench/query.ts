import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Engine } from '../../infra/engine/port.ts';
import { LABEL } from '../../model/labels.ts';
import { queryContainerName, sharedQueryNetwork } from '../../model/names.ts';
import { until } from '../support/poll.ts';
import { openQueryWorld, type QueryWorld } from '../integration/query-world.ts';
import {
  median,
  parameter,
  percentile,
  sideBySide,
  type Bench,
  type BenchContext,
  type Figure,
} from './harness/index.ts';
import { recorder, replay } from './harness/recorder.ts';

/** Asked of a warm container, in turns with asking it directly. */
const QUESTIONS = parameter('QUERY_QUESTIONS', 500);
const FIRSTS = parameter('QUERY_FIRSTS', 10);
/** At once, half of them of bots and half of schedules. */
const AT_ONCE = parameter('QUERY_AT_ONCE', 50);

const PER_BOT = 8;
const PORT = 9476;
const LISTENING_WITHIN_MS = 60_000;
const QUERY = `
from queries import query, run

@query("/echo")
def echo(params):
    return params

run()
`;

type Scene = {
  world: QueryWorld;
  engine: Engine;
  docker: Engine;
  record: ReturnType<typeof recorder>['record'];
};

export const bench: Bench = {
  name: 'query',
  goal:
    'a warm query p50 ≤ 10 ms over the container’s own answer; the first p50 ≤ 1.2 × a bare start of the same container to its first answer; ' +
    `${AT_ONCE} at once of bots and schedules, none fails, limits kept`,
  async run(context) {
    const scene = await open(context);
    return [...(await warm(scene)), ...(await first(scene)), ...(await atOnce(scene))];
  },
};

async function open(context: BenchContext): Promise<Scene> {
  const servers = await context.servers('mongo', 'redis', 's3');
  const { engine: docker, dockerHost } = await context.dockerEngine(servers.installation);
  const { engine, record } = recorder(docker);
  const queries = join(import.meta.dirname, '..', '..', 'examples', 'python-momentum', 'queries.py');
  const world = await openQueryWorld({
    servers,
    engine,
    code: { 'main.py': '', 'queries.py': await readFile(queries, 'utf8'), 'query.py': QUERY },
    environment: {
      DOCKER_HOST: dockerHost,
      EGRESS_FILTER: 'off',
      ALLOW_UNFILTERED_EGRESS: '1',
      QUERY_CONTAINERS: String(AT_ONCE + 10),
      QUERIES_AT_ONCE: String(Math.max(64, AT_ONCE)),
      QUERIES_PER_BOT: String(PER_BOT),
    },
  });
  context.atEnd('the query server and its worker', async () => world[Symbol.asyncDispose]());
  return { world, engine, docker, record };
}

/** One container, asked through the query server and directly, in turns. */
async function warm({ world, engine }: Scene): Promise<Figure[]> {
  const botId = await world.bot();
  await answered(world, botId);
  const address = await addressOf(engine, botId);
  const through: number[] = [];
  const direct: number[] = [];
  for (let question = 0; question < QUESTIONS; question += 1) {
    const asks = [
      async () => void through.push(await timed(() => answered(world, botId))),
      async () => void direct.push(await timed(() => askProgram(address))),
    ];
    if (question % 2 === 1) asks.reverse();
    for (const ask of asks) await ask();
  }
  const over = (share: number): number => percentile(through, share) - percentile(direct, share);
  return [
    {
      name: 'warm, over the container’s own answer, p50',
      value: over(0.5),
      unit: 'ms',
      anchor: { what: 'the container’s own answer', value: percentile(direct, 0.5) },
      runs: [over(0.5)],
      limit: { atMost: 10 },
    },
    { name: 'warm, p50', value: percentile(through, 0.5), unit: 'ms', runs: [percentile(through, 0.5)] },
    { name: 'warm, p99', value: percentile(through, 0.99), unit: 'ms', runs: [percentile(through, 0.99)] },
  ];
}

/** A bot that nobody has asked of late, against the same calls to the engine and nothing else. */
async function first({ world, docker, record }: Scene): Promise<Figure[]> {
  const never: number[] = [];
  const asked: string[] = [];
  for (let bot = 0; bot <= FIRSTS; bot += 1) {
    const botId = await world.bot();
    never.push(await timed(() => answered(world, botId)));
    await forget(world, botId);
    asked.push(botId);
  }
  const recorded = asked.pop() ?? '';
  const recording = await record(recorded, () => answered(world, recorded));
  await forget(world, recorded);
  const ours = async (round: number): Promise<number> => {
    const botId = asked[round] ?? '';
    const ms = await timed(() => answered(world, botId));
    await forget(world, botId);
    return ms;
  };
  // With the volumes of the same bot: its state is there.
  const bare = async (round: number): Promise<number> => {
    let id = '';
    const ms = await timed(async () => {
      id = await replay(docker, recording, asked[round] ?? '');
      const address = (await docker.inspect(id))?.addresses[sharedQueryNetwork(docker.installation)] ?? '';
      await until(() => askProgram(address).then(() => true), { timeoutMs: LISTENING_WITHIN_MS, everyMs: 5 });
    });
    await docker.remove(id, { force: true });
    return ms;
  };
  const measured = await sideBySide({
    rounds: FIRSTS,
    against: 'the same engine calls, bare, to its first answer',
    ours,
    bare,
  });
  return [
    { name: 'first, p50', ...measured, unit: 'ms', limit: { of: 'ratio', atMost: 1.2 } },
    { name: 'first of a bot that never ran, p50', value: median(never), unit: 'ms', runs: never },
  ];
}

/** All of them without a container yet, then again with it; and as many of one bot, which is more than it may. */
async function atOnce({ world, engine }: Scene): Promise<Figure[]> {
  const ids = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, index) =>
      world.bot({ kind: index % 2 === 0 ? 'bots' : 'schedules' }),
    ),
  );
  const watch = watchContainers(engine);
  const all = async (botIds: readonly string[]): Promise<{ status: number[]; ms: number }> => {
    const beganMs = performance.now();
    const answers = await Promise.all(botIds.map((botId) => world.ask(botId, '/echo', { timeout_sec: 120 })));
    return { status: answers.map(({ http }) => http), ms: performance.now() - beganMs };
  };
  const cold = await all(ids);
  const again = await all(ids);
  const one = await all(Array.from({ length: AT_ONCE }, () => ids[0] ?? ''));
  const { most, died } = await watch.stop();
  const count = (name: string, value: number, unit: string, limit?: Figure['limit']): Figure => ({
    name,
    value,
    unit,
    runs: [value],
    ...(limit === undefined ? {} : { limit }),
  });
  const failed = (statuses: readonly number[], allowed: readonly number[] = []): number =>
    statuses.filter((status) => status !== 200 && !allowed.includes(status)).length;
  return [
    count(`${AT_ONCE} at once without containers, failed`, failed(cold.status), 'queries', { atMost: 0 }),
    count(`${AT_ONCE} at once without containers, all answered within`, cold.ms / 1000, 's'),
    count(`${AT_ONCE} at once with containers, failed`, failed(again.status), 'queries', { atMost: 0 }),
    count(`${AT_ONCE} at once with containers, all answered within`, again.ms, 'ms'),
    count(`${AT_ONCE} at once of one bot, neither answered nor 429`, failed(one.status, [429]), 'queries', {
      atMost: 0,
    }),
    count(
      `${AT_ONCE} at once of one bot, answered`,
      one.status.filter((status) => status === 200).length,
      'queries',
      { atLeast: PER_BOT },
    ),
    count('query containers at once', most, 'containers', { atMost: AT_ONCE + 10 }),
    count('query containers that ended by themselves', died, 'containers', { atMost: 0 }),
  ];
}

function watchContainers(engine: Engine): { stop(): Promise<{ most: number; died: number }> } {
  const over = new AbortController();
  let most = 0;
  let died = 0;
  const listing = (async () => {
    while (!over.signal.aborted) {
      const there = await engine.list({ labels: { [LABEL.kind]: 'query' } });
      most = Math.max(most, there.length);
      died = Math.max(died, there.filter(({ state }) => state === 'exited' || state === 'dead').length);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  })();
  return {
    async stop() {
      over.abort();
      await listing;
      return { most, died };
    },
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}

async function answered(world: QueryWorld, botId: string): Promise<void> {
  const { http, text } = await world.ask(botId, '/echo', { params: { limit: 5 }, timeout_sec: 120 });
  if (http !== 200) throw new Error(`a query was answered ${http}: ${text}`);
}

/** Its container goes, and nobody remembers it. */
async function forget({ services, context }: QueryWorld, botId: string): Promise<void> {
  const { engine } = context.launching;
  await services.collections.queryContainers.deleteOne({ _id: botId });
  const container = await engine.inspect(queryContainerName(engine.installation, botId));
  if (container !== undefined) await engine.remove(container.id, { force: true });
}

async function addressOf(engine: Engine, botId: string): Promise<string> {
  const container = await engine.inspect(queryContainerName(engine.installation, botId));
  return container?.addresses[sharedQueryNetwork(engine.installation)] ?? '';
}

/** What the query server does in the end, and nothing else. */
function askProgram(address: string): Promise<void> {
  const body = JSON.stringify({ limit: 5 });
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        host: address,
        port: PORT,
        path: '/echo?limit=5',
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': body.length },
        agent: false,
      },
      (answer) => {
        answer.resume().on('end', resolve);
      },
    );
    asking.on('error', reject);
    asking.end(body);
  });
}
