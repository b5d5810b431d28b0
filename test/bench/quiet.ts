import { setTimeout as sleep } from 'node:timers/promises';
import { connectFakeEngine } from '../../infra/engine/fake/index.ts';
import { BOT_QUEUES, DATA_QUEUES, type QueueName } from '../../queues/names.ts';
import { botDocument, newBotId } from '../support/bots.ts';
import { openWorld, untilWell } from '../support/chaos-world.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { endProcess, parameter, type Bench, type BenchContext, type Figure } from './harness/index.ts';

const MOST = parameter('QUIET_BOTS', 500);
const SECONDS = parameter('QUIET_SECONDS', 50);
const SETTLE_SECONDS = parameter('QUIET_SETTLE_SECONDS', 10);

/** Each is measured four times: silent and not, with what is measured and without. */
const FLEETS = [0.2, 1].map((share) => Math.round(MOST * share));
/** A line every ten seconds, and a new state every minute. */
const LINES_A_SECOND = 0.1;
const STATE_EVERY_MS = 60_000;

/** What a minute costs. */
type Minute = { cpuS: number; requests: number };
type Spent = { bots: number; silent: Minute; chatty: Minute; byKind: Readonly<Record<string, number>> };

export const bench: Bench = {
  name: 'quiet',
  goal:
    `${MOST} bots on the fake engine: CPU and S3 requests a minute spent on logs and state, while they are silent and with a line every ` +
    '10 s and a new state every minute; and how both grow with the number of bots',
  async run(context) {
    const spent: Spent[] = [];
    for (const bots of FLEETS) spent.push(await context.within((inner) => fleet(inner, bots)));
    return [
      ...growth('silent', spent, ({ silent }) => silent),
      ...growth('printing and changing', spent, ({ chatty }) => chatty),
    ];
  },
};

async function fleet(context: BenchContext, bots: number): Promise<Spent> {
  const servers = await context.servers('mongo', 'redis', 'nats', 's3');
  const child = context.node({
    script: 'test/bench/children/printing-bots.ts',
    args: ['0', String(LINES_A_SECOND), String(STATE_EVERY_MS)],
  });
  const { url } = JSON.parse(await child.line((line) => line.startsWith('{"url"'))) as { url: string };
  const engine = connectFakeEngine({ url, installation: servers.installation });
  context.atEnd('the connection to the fake engine', async () => engine[Symbol.asyncDispose]());
  const counter = await countedS3(context, servers.s3.port);
  const environment = {
    ...servers.environment,
    S3_ENDPOINT: counter.endpoint,
    EGRESS_FILTER: 'off',
    ALLOW_UNFILTERED_EGRESS: '1',
    QUEUE_CONCURRENCY: '64',
  };
  const world = await openWorld({
    servers,
    engine,
    engineUrl: url,
    environment: { QUEUE_CONCURRENCY: '64' },
  });
  context.atEnd('the world', async () => world[Symbol.asyncDispose]());
  // Not part of what is measured: plans, and so keeps them running.
  await world.plan();
  await world.collections.bots.insertMany(
    Array.from({ length: bots }, () => botDocument(newBotId(), { filePath: world.filePath })),
  );

  /** A processor of these queues: what it spends on a silent fleet, and on one that prints and changes. */
  const measured = async (queues: readonly QueueName[]): Promise<Omit<Spent, 'bots'>> => {
    const processor = context.node({
      script: 'test/bench/children/role.ts',
      args: ['--role', 'processor', '--engine', url, '--queues', queues.join(',')],
      environment,
    });
    await processor.line((line) => line.includes('"ready"'), 60_000);
    await untilWell(world, { timeoutMs: 240_000, everyMs: 1_000 });
    const cpuMs = async (): Promise<number> => {
      const answer = processor.line((line) => line.includes('"cpuMs"'));
      processor.kill('SIGUSR2');
      return (JSON.parse(await answer) as { cpuMs: number }).cpuMs;
    };
    const minute = async (): Promise<Minute> => {
      await sleep(SETTLE_SECONDS * 1000);
      counter.reset();
      const before = await cpuMs();
      await sleep(SECONDS * 1000);
      const minutes = SECONDS / 60;
      return { cpuS: ((await cpuMs()) - before) / 1000 / minutes, requests: counter.total() / minutes };
    };
    const silent = await minute();
    child.kill('SIGUSR2');
    const chatty = await minute();
    const byKind = counter.byKind();
    child.kill('SIGUSR2');
    await endProcess(processor, 20_000);
    return { silent, chatty, byKind };
  };

  const all = await measured([...BOT_QUEUES, ...DATA_QUEUES]);
  const without = await measured(BOT_QUEUES);
  const less = (a: Minute, b: Minute): Minute => ({
    cpuS: a.cpuS - b.cpuS,
    requests: a.requests - b.requests,
  });
  const spent = {
    bots,
    silent: less(all.silent, without.silent),
    chatty: less(all.chatty, without.chatty),
    byKind: all.byKind,
  };
  context.say(
    `${bots} bots: silent ${inWords(spent.silent)}, printing ${inWords(spent.chatty)} (${JSON.stringify(all.byKind)} in ${SECONDS} s)`,
  );
  return spent;
}

/** S3 behind a proxy that counts. */
async function countedS3(context: BenchContext, port: number) {
  const proxy = await S3FaultProxy.start(port);
  context.atEnd('the proxy of S3', async () => proxy[Symbol.asyncDispose]());
  let counts = new Map<string, number>();
  proxy.fault = (call) => {
    const kind = kindOf(call);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return 'pass';
  };
  return {
    endpoint: proxy.endpoint,
    reset: () => void (counts = new Map()),
    total: () => [...counts.values()].reduce((sum, count) => sum + count, 0),
    byKind: () => Object.fromEntries(counts),
  };
}

/** `PUT bot-logs`: method and bucket. */
const kindOf = (call: string): string => /^\w+ \/[^/?]*/.exec(call)?.[0].replace('/', '') ?? call;

const inWords = ({ cpuS, requests }: Minute): string =>
  `${cpuS.toFixed(2)} s of CPU and ${Math.round(requests)} requests a minute`;

/** Of the whole fleet, and how much more it is than of a fifth of it: 5 is in proportion, 1 is not at all. */
function growth(how: string, spent: readonly Spent[], pick: (spent: Spent) => Minute): Figure[] {
  const [least, most] = [spent[0], spent.at(-1)];
  if (least === undefined || most === undefined) return [];
  const figures = (what: string, unit: string, key: keyof Minute): Figure[] => [
    { name: `${what}, ${most.bots} ${how}`, value: pick(most)[key], unit, runs: [pick(most)[key]] },
    ...spent.slice(0, -1).map((part) => ({
      name: `${what}, ${part.bots} ${how}`,
      value: pick(part)[key],
      unit,
      runs: [pick(part)[key]],
    })),
    {
      name: `${what}, ${most.bots} ÷ ${least.bots} ${how}`,
      value: pick(most)[key] / pick(least)[key],
      unit: 'times',
      runs: spent.map((part) => pick(part)[key] / pick(least)[key]),
    },
  ];
  return [
    ...figures('S3 requests a minute', 'requests', 'requests'),
    ...figures('CPU a minute', 's', 'cpuS'),
  ];
}
