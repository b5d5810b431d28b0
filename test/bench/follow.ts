import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { ensureEventsStream } from '../../infra/nats/platform-stream.ts';
import { STEPS, tellBotStory, type BotStory, type Step } from '../support/bot-story.ts';
import { startTestRunner } from '../support/runner.ts';
import { median, parameter, type Bench } from './harness/index.ts';

const ROUNDS = parameter('FOLLOW_ROUNDS', 20);
const GOAL_MS = 1_000;

export const bench: Bench = {
  name: 'follow',
  goal: `a bot deployed, changed, disabled, enabled, upgraded, deleted by events, on the real engine: each seen within ${GOAL_MS} ms, in each of ${ROUNDS} rounds`,
  async run(context) {
    const servers = await context.servers('mongo', 'nats', 'redis', 's3');
    const { engine, dockerHost } = await context.dockerEngine(servers.installation);
    const connection = await connect({ servers: servers.natsUrl });
    context.atEnd('the publisher', () => connection.close());
    await ensureEventsStream(await jetstreamManager(connection));
    const runner = await startTestRunner({
      environment: { ...servers.environment, DOCKER_HOST: dockerHost },
    });
    context.atEnd('the bot-runner', () => runner.stop());

    const stories: BotStory[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      context.signal.throwIfAborted();
      const story = await tellBotStory({ servers, engine, connection });
      context.say(STEPS.map((step) => `${step} ${story.tookMs[step]}`).join(', '));
      stories.push(story);
    }
    // Each round has code of its own, so "created" and "upgraded" hold the download and the unpacking.
    const runsOf = (step: Step): number[] => stories.map(({ tookMs }) => tookMs[step]);
    return [
      ...STEPS.map((step) => {
        const runs = runsOf(step);
        return {
          name: `${step}, longest`,
          value: Math.max(...runs),
          unit: 'ms',
          runs,
          limit: { atMost: GOAL_MS },
        };
      }),
      ...STEPS.map((step) => {
        const runs = runsOf(step);
        return { name: `${step}, median`, value: median(runs), unit: 'ms', runs };
      }),
    ];
  },
};
