import type { Engine } from '../../infra/engine/port.ts';
import { botDocument, newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { startTestRunner } from '../support/runner.ts';
import { sideBySide, type Bench } from './harness/index.ts';
import { recorder, replay, type Recording } from './harness/recorder.ts';

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
    const environment = { ...servers.environment, DOCKER_HOST: dockerHost, ALLOW_UNFILTERED_EGRESS: '1', STOP_GRACE: '1s' };
    const runner = await startTestRunner({ environment, engine });
    context.atEnd('the bot-runner', () => runner.stop());
    const { bots, status } = runner.services.collections;
    const concurrency = runner.context.settings.ENGINE_CONCURRENCY;

    const startOne = async (botId: string): Promise<void> => {
      await bots.insertOne(botDocument(botId, { filePath }));
      await statusOf(status, botId, ({ phase }) => phase === 'running', 60_000);
    };
    // The first one pulls the image and unpacks the code; the second one's calls are what every further start costs.
    await startOne(newBotId());
    const sample = newBotId();
    const recording = await record(sample, () => startOne(sample));
    context.say(`one start: ${recording.steps.map((step) => step.call).join(' ')}`);
    await bots.deleteMany({});
    await untilEmpty(docker);

    const ours = async (): Promise<number> => {
      started.clear();
      const documents = Array.from({ length: BOTS }, () => botDocument(newBotId(), { filePath }));
      const beganMs = performance.now();
      await bots.insertMany(documents);
      await until(() => started.size >= BOTS, { timeoutMs: 180_000, everyMs: 5 });
      const rate = BOTS / ((Math.max(...started.values()) - beganMs) / 1000);
      await bots.deleteMany({});
      await untilEmpty(docker);
      context.say(`ours: ${rate.toFixed(2)} a second`);
      return rate;
    };
    const bare = async (): Promise<number> => {
      const beganMs = performance.now();
      const ids = await replayAll(docker, recording, concurrency);
      const rate = BOTS / ((performance.now() - beganMs) / 1000);
      await Promise.all(ids.map((id) => docker.remove(id, { force: true })));
      await untilEmpty(docker);
      context.say(`bare: ${rate.toFixed(2)} a second`);
      return rate;
    };
    const measured = await sideBySide({ rounds: ROUNDS, against: 'the same engine calls, bare', ours, bare });
    return [{ name: `${BOTS} containers`, ...measured, unit: 'starts/s', limit: { of: 'ratio', atLeast: 0.9 } }];
  },
};

/** Starts that many containers with so many starts at once, and returns their ids. */
async function replayAll(engine: Engine, recording: Recording, concurrency: number): Promise<string[]> {
  const ids: string[] = [];
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < BOTS) {
      begun += 1;
      ids.push(await replay(engine, recording, newBotId()));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return ids;
}

async function untilEmpty(engine: Engine): Promise<void> {
  await until(async () => (await engine.list()).length === 0, { timeoutMs: 120_000, everyMs: 200, what: 'the end of all containers' });
}
