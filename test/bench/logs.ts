import { setTimeout as sleep } from 'node:timers/promises';
import { connectFakeEngine } from '../../infra/engine/fake/index.ts';
import { MARKS } from '../../producers/live-logs/marks.ts';
import { percentile, parameter, type Bench, type BenchContext, type Figure } from './harness/index.ts';
import type { Seen } from './log-readers.ts';
import { logsTrial, type LogsReport, type LogsStage } from './logs-trial.ts';

const BOTS = parameter('LOGS_BOTS', 50);
/** Of each bot, a second; a little more than the goal asks, so that what is behind does not miss it. */
const RATE = parameter('LOGS_RATE', 101);
const SECONDS = parameter('LOGS_SECONDS', 60);
const FIRE_SECONDS = parameter('LOGS_FIRE_SECONDS', 240);
const AWAY_SECONDS = parameter('LOGS_AWAY_SECONDS', 30);
const KILL_EVERY_SECONDS = parameter('LOGS_KILL_EVERY_SECONDS', 20);
const DOCKER_BOTS = parameter('LOGS_DOCKER_BOTS', 5);
const DOCKER_RATE = parameter('LOGS_DOCKER_RATE', 20);
const DOCKER_SECONDS = parameter('LOGS_DOCKER_SECONDS', 60);

const SHOWN_LINES = 20;
const DAY_MS = 86_400_000;
/** From the start of the engine until its bots run. */
const STARTING_MS = 15_000;
const CODE = { 'main.py': 'def main(bot_id, config):\n    pass\n' };
/** As `printedLine` has it. */
const PRINTER = `
import time

def line(n, at):
    pad = 'x' * (20 + n % 60)
    if n % 5 == 0:
        return '{"n":%d,"at":%d,"id":9007199254740993,"pad":"%s"}' % (n, at, pad)
    return 'n=%d at=%d %s end' % (n, at, pad)

def main(bot_id, config):
    began = time.time()
    for n in range(1, config['lines'] + 1):
        time.sleep(max(0, began + n / config['rate'] - time.time()))
        print(line(n, int(time.time() * 1000)))
    while True:
        time.sleep(1)
`;

export const bench: Bench = {
  name: 'logs',
  goal:
    `print → NATS subscriber p99 ≤ 1 s, print → readable in S3 ≤ 5 s, ${BOTS * RATE} lines/s of ${BOTS} bots through one processor; none lost, doubled or ` +
    `split in ${FIRE_SECONDS} s of kills with -9, S3 away for ${AWAY_SECONDS} s and a change of day; ${DOCKER_BOTS} bots with Docker`,
  async run(context) {
    const calm = await context.within((inner) => onFakeEngine(inner, { fire: false }));
    const fire =
      FIRE_SECONDS > 0 ? await context.within((inner) => onFakeEngine(inner, { fire: true })) : undefined;
    const docker = DOCKER_BOTS > 0 ? await context.within(onDocker) : undefined;
    return [
      ...soon('', calm, true),
      { name: 'lines carried off', ...one(rateOf(calm)), unit: 'lines/s', limit: { atLeast: 5_000 } },
      ...whole('', calm),
      ...(fire === undefined ? [] : underFire(fire)),
      ...(docker === undefined
        ? []
        : [...soon(' with Docker', docker, true), ...whole(' with Docker', docker)]),
    ];
  },
};

async function onFakeEngine(context: BenchContext, { fire }: { fire: boolean }): Promise<LogsReport> {
  const servers = await context.servers('mongo', 'redis', 'nats', 's3');
  // S3 takes no signature of another day, so it is the engine's clock that goes wrong, and only backwards: what lies ahead is cut.
  const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const shiftMs = fire ? midnight - STARTING_MS - (FIRE_SECONDS * 1000 * 2) / 3 - Date.now() : 0;
  const child = context.node({
    script: 'test/bench/children/printing-bots.ts',
    args: ['1', String(RATE), '0', String(Math.round(shiftMs))],
  });
  const { url } = JSON.parse(await child.line((line) => line.startsWith('{"url"'))) as { url: string };
  const engine = connectFakeEngine({ url, installation: servers.installation });
  context.atEnd('the connection to the fake engine', async () => engine[Symbol.asyncDispose]());
  const report = await logsTrial(context, {
    servers,
    engine,
    engineUrl: url,
    bots: BOTS,
    code: CODE,
    meanwhile: (stage) => (fire ? burn(context, stage) : sleep(SECONDS * 1000)),
    async printed() {
      const answer = child.line((line) => line.startsWith('{"printed"'));
      child.kill('SIGUSR2');
      return (JSON.parse(await answer) as { printed: Record<string, number> }).printed;
    },
  });
  tell(context, fire ? 'under fire' : 'calm', report);
  return report;
}

async function onDocker(context: BenchContext): Promise<LogsReport> {
  const servers = await context.servers('mongo', 'redis', 'nats', 's3');
  const { engine, dockerHost } = await context.dockerEngine(servers.installation);
  const lines = DOCKER_RATE * DOCKER_SECONDS;
  const report = await logsTrial(context, {
    servers,
    engine,
    bots: DOCKER_BOTS,
    code: { 'main.py': PRINTER },
    config: { rate: DOCKER_RATE, lines },
    environment: { DOCKER_HOST: dockerHost },
    meanwhile: () => sleep(DOCKER_SECONDS * 1000 + 2_000),
    printed: async (botIds) => Object.fromEntries(botIds.map((id) => [id, lines])),
  });
  tell(context, 'with Docker', report);
  return report;
}

/** Kills all the time, also while S3 is away, which it is from a quarter of the time on. */
async function burn(context: BenchContext, { kill, s3 }: LogsStage): Promise<void> {
  const beganMs = performance.now();
  const leftMs = (untilMs: number): number => Math.max(0, beganMs + untilMs - performance.now());
  const outage = (async () => {
    await sleep(leftMs(FIRE_SECONDS * 250));
    context.say(`S3 is away for ${AWAY_SECONDS} s`);
    s3.cut();
    await sleep(AWAY_SECONDS * 1000);
    s3.heal();
  })();
  while (leftMs(FIRE_SECONDS * 1000) > KILL_EVERY_SECONDS * 1000) {
    await sleep(KILL_EVERY_SECONDS * 1000);
    await kill();
  }
  await outage;
  await sleep(leftMs(FIRE_SECONDS * 1000));
}

/** How soon lines were there; those of the first seconds are of bots of which nobody knew yet. */
function soon(where: string, { live, stored, beganMs, endedMs }: LogsReport, goal: boolean): Figure[] {
  const within = <T extends Seen>(seen: readonly T[]): T[] =>
    seen.filter(({ atMs }) => atMs >= beganMs + 2_000 && atMs <= endedMs - 1_000);
  const figure = (name: string, seen: readonly Seen[], share: number, atMost?: number): Figure => ({
    name: `${name}${where}`,
    ...one(percentile(lags(seen), share)),
    unit: 's',
    ...(goal && atMost !== undefined ? { limit: { atMost } } : {}),
  });
  const told = within(live);
  const kept = within(stored);
  const young = kept.filter(({ objectBytes }) => objectBytes < 64 * 1024);
  return [
    figure('print → NATS p99', told, 0.99, 1),
    figure('print → NATS p50', told, 0.5),
    figure('print → readable in S3 p99', kept, 0.99, 5),
    figure('print → readable in S3 p50', kept, 0.5),
    ...(young.length === 0 ? [] : [figure('print → readable in S3 p99, logs below 64 KB', young, 0.99)]),
  ];
}

/** Such a bot's container went between a follower that was killed and the next one: its log in S3 has it all. */
const isOfGone = (mark: string): boolean => MARKS.goneUnread.startsWith(mark);

function whole(where: string, { inStorage, told }: LogsReport): Figure[] {
  const figure = (name: string, runs: number[]): Figure => ({
    name: `${name}${where}`,
    value: runs.reduce((sum, count) => sum + count, 0),
    unit: 'lines',
    runs,
    limit: { atMost: 0 },
  });
  return [
    figure(
      'lost in S3',
      inStorage.map(({ lost }) => lost),
    ),
    figure(
      'doubled, split, changed or out of order in S3',
      inStorage.map(({ doubled, broken, disordered }) => doubled + broken.length + disordered),
    ),
    figure(
      'gaps and drops told in S3',
      inStorage.map(({ marks }) => marks.length),
    ),
    figure(
      'never told live, and no mark says so',
      told.map(({ lost, lostAtEnd, marks }) => (marks.some(isOfGone) ? lost - lostAtEnd : lost)),
    ),
  ];
}

function underFire(report: LogsReport): Figure[] {
  const { live, stored, told, inStorage, kills } = report;
  const where = ' under fire';
  const days = Math.min(...inStorage.map((bot) => bot.days));
  return [
    ...whole(where, report),
    { name: `lines${where}`, ...one(report.lines), unit: 'lines' },
    { name: `processors killed${where}`, ...one(kills), unit: 'kills' },
    { name: `days of each log${where}`, ...one(days), unit: 'days', limit: { atLeast: 2 } },
    {
      name: `told live more than once (marked)${where}`,
      ...one(told.reduce((sum, { doubled }) => sum + doubled, 0)),
      unit: 'lines',
    },
    { name: `print → NATS p99${where}`, ...one(percentile(lags(live), 0.99)), unit: 's' },
    { name: `print → readable in S3, longest${where}`, ...one(Math.max(...maxima(stored))), unit: 's' },
  ];
}

const one = (value: number): Pick<Figure, 'value' | 'runs'> => ({ value, runs: [value] });
const lags = (seen: readonly Seen[]): number[] => seen.map(({ lagMs }) => lagMs / 1000);
/** A spread of a million arguments is too much for a call. */
const maxima = (seen: readonly Seen[]): number[] => [
  lags(seen).reduce((most, lag) => Math.max(most, lag), 0),
];
/** Of lines that were told, so that it counts nothing twice and nothing from before all bots ran. */
const rateOf = ({ live, beganMs, endedMs }: LogsReport): number =>
  live.filter(({ atMs }) => atMs >= beganMs && atMs < endedMs).length / ((endedMs - beganMs) / 1000);

function tell(context: BenchContext, what: string, { lines, inStorage, told, kills }: LogsReport): void {
  const sum = (pick: (bot: (typeof told)[number]) => number, of: typeof told): number =>
    of.reduce((total, bot) => total + pick(bot), 0);
  context.say(
    `${what}: ${lines} lines, ${kills} kills; in S3 ${sum(({ lost }) => lost, inStorage)} lost, ${sum(({ doubled }) => doubled, inStorage)} doubled`,
  );
  const odd = [
    ...inStorage.flatMap((bot) => [...bot.broken, ...bot.marks]),
    ...told.flatMap((bot) => bot.broken),
  ];
  for (const line of odd.slice(0, SHOWN_LINES)) context.say(`  ${line.slice(0, 200)}`);
}
