import type { Collection } from 'mongodb';
import { loadSettings } from '../../infra/config/load.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { BotDocument } from '../../model/bots.ts';
import { botDocument, newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { startTestRunner } from '../support/runner.ts';
import { sideBySide, type Bench } from './harness/index.ts';
import { recorder, replay } from './harness/recorder.ts';

const BOTS = 60;
const ROUNDS = 3;
const CODE = 'import time\n\ndef main(bot_id, config):\n    while True:\n        time.sleep(1)\n';

export const bench: Bench = {
  name: 'starts',
  goal: `${BOTS} real containers at once, started per second ÷ the same engine calls by a bare script: ≥ 0.90`,
  async run(context) {
    const servers = await context.servers('mongo', 'redis', 's3');
    const { engine: docker, dockerHost } = await context.dockerEngine(servers.installation);
    const filePath = await uploadCode(servers, { 'main.py': CODE });
    const { engine, started, record } = recorder(docker);
    const environment = {
      ...servers.environment,
      DOCKER_HOST: dockerHost,
      ALLOW_UNFILTERED_EGRESS: '1',
      STOP_GRACE: '1s',
    };

    /** With a bot-runner that has started a bot already, so that image, network and code are known to it. */
    const withRunner = async <T>(
      work: (bots: Collection<BotDocument>, start: (botId: string) => Promise<unknown>) => Promise<T>,
    ): Promise<T> => {
      const runner = await startTestRunner({ environment, engine });
      try {
        const { bots, status } = runner.services.collections;
        const start = async (botId: string): Promise<void> => {
          await bots.insertOne(botDocument(botId, { filePath }));
          await statusOf(status, botId, ({ phase }) => phase === 'running', 60_000);
        };
        await start(newBotId());
        const result = await work(bots, start);
        await bots.deleteMany({});
        await untilEmpty(docker);
        await until(async () => (await status.countDocuments()) === 0);
        return result;
      } finally {
        await runner.stop();
      }
    };

    const recording = await withRunner(async (_bots, start) => {
      const botId = newBotId();
      return record(botId, () => start(botId));
    });
    context.say(`one start: ${recording.steps.map((step) => step.call).join(' ')}`);

    const ours = (): Promise<number> =>
      withRunner(async (bots) => {
        started.clear();
        const documents = Array.from({ length: BOTS }, () => botDocument(newBotId(), { filePath }));
        const beganMs = performance.now();
        await bots.insertMany(documents);
        await until(() => started.size >= BOTS, { timeoutMs: 180_000, everyMs: 20 });
        const rate = BOTS / ((Math.max(...started.values()) - beganMs) / 1000);
        context.say(`ours: ${rate.toFixed(2)} a second`);
        return rate;
      });
    const concurrency = loadSettings(environment).ENGINE_CONCURRENCY;
    // Nobody runs meanwhile who would take these for bots that were deleted.
    const bare = async (): Promise<number> => {
      const beganMs = performance.now();
      const ids: string[] = [];
      await inLanes(Array.from({ length: BOTS }, newBotId), concurrency, async (botId) =>
        ids.push(await replay(docker, recording, botId)),
      );
      const rate = BOTS / ((performance.now() - beganMs) / 1000);
      // As many at once as it started.
      await inLanes(ids, concurrency, (id) => docker.remove(id, { force: true }));
      await untilEmpty(docker);
      context.say(`bare: ${rate.toFixed(2)} a second`);
      return rate;
    };
    const measured = await sideBySide({ rounds: ROUNDS, against: 'the same engine calls, bare', ours, bare });
    return [
      { name: `${BOTS} containers`, ...measured, unit: 'starts/s', limit: { of: 'ratio', atLeast: 0.9 } },
    ];
  },
};

/** Does the work for each item, so many at once. */
async function inLanes<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const waiting = [...items];
  const lane = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

async function untilEmpty(engine: Engine): Promise<void> {
  await until(async () => (await engine.list()).length === 0, {
    timeoutMs: 120_000,
    everyMs: 200,
    what: 'the end of all containers',
  });
}
