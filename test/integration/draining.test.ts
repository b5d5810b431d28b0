import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import type { RunningServer } from '../../infra/local/types.ts';
import { createLogger } from '../../infra/logger.ts';
import { connectNats, type NatsLink } from '../../infra/nats/connect.ts';
import { ensureEventsStream, publishEvent } from '../../infra/nats/platform-stream.ts';
import { until } from '../support/poll.ts';
import { startTestRunner, startTestScheduler, type TestRunner } from '../support/runner.ts';
import { ownNats, testServers, type TestServers } from '../support/servers.ts';
import { customOf } from './events-world.ts';

/** What the issue allows from the signal until no new work is taken. */
const NO_NEW_WORK_WITHIN_MS = 100;
const log = createLogger({ level: 'silent', service: 'test' });
const cleanUp: (() => Promise<void>)[] = [];
let nats: RunningServer;
let platform: NatsLink;

beforeAll(async () => {
  nats = await ownNats();
  platform = connectNats({ url: nats.url, name: 'platform', log });
  await ensureEventsStream(await jetstreamManager(await platform.connection()));
}, 60_000);
afterAll(async () => {
  await platform?.close();
  await nats?.stop();
});
afterEach(async () => {
  for (const step of cleanUp.splice(0)) await step();
});

type Draining = { runner: TestRunner; stopAt: number };

/** Its stop hangs in the hook that comes first, as that of a dashboard or of a query server may; all others wait. */
async function beginsToStop(runner: TestRunner): Promise<Draining> {
  const held = Promise.withResolvers<void>();
  const hanging = Promise.withResolvers<void>();
  runner.context.lifecycle.onStop('a face that hangs', () => {
    hanging.resolve();
    return held.promise;
  });
  const stopAt = Date.now();
  const stopped = runner.stop();
  cleanUp.push(() => {
    held.resolve();
    return stopped;
  });
  await hanging.promise;
  return { runner, stopAt };
}

const engineOf = (servers: TestServers) => createFakeEngine({ installation: servers.installation });
const environmentOf = (servers: TestServers) => ({ ...servers.environment, NATS_URL: nats.url });
const pastTheLimit = ({ stopAt }: Draining) => until(() => Date.now() > stopAt + NO_NEW_WORK_WITHIN_MS);

async function publish(id: string, subject = 'the0.bot.created', config: object = {}): Promise<void> {
  const js = jetstream(await platform.connection());
  await publishEvent(js, subject, { id, config: { name: id, ...config }, custom: customOf() });
}

describe('a process that stops, and hangs while it does', () => {
  it('does not take an event that is published after the signal', async () => {
    const servers = testServers();
    const runner = await startTestRunner({ environment: environmentOf(servers), engine: engineOf(servers) });
    const { bots } = runner.services.collections;
    await publish('before');
    await until(() => bots.findOne({ id: 'before' }), { what: 'the event before the signal' });

    const draining = await beginsToStop(runner);
    await pastTheLimit(draining);
    await publish('after');
    const taken = until(() => bots.findOne({ id: 'after' }), { timeoutMs: 1_500 });
    await expect(taken, 'the event was taken').rejects.toThrow('did not come true');
  });

  it('leaves that event to whoever comes next, who has it at once', async () => {
    const servers = testServers();
    const host = { environment: environmentOf(servers), engine: engineOf(servers) };
    await beginsToStop(await startTestRunner(host));
    const next = await startTestRunner(host);
    cleanUp.push(() => next.stop());
    const { leases, bots } = next.services.collections;
    await until(
      async () =>
        (await leases.findOne({ _id: `${servers.installation}:events:bots` }))?.owner.startsWith(
          next.context.owner,
        ),
      { timeoutMs: 3_000, what: 'the lease of the one that comes next' },
    );
    await publish('handed-over');
    await until(() => bots.findOne({ id: 'handed-over' }), { what: 'the event in its hands' });
  });

  it('does not take a tick that is due after the signal', async () => {
    const servers = testServers();
    const scheduler = await startTestScheduler({
      environment: environmentOf(servers),
      engine: engineOf(servers),
    });
    const { runs } = scheduler.services.collections;
    await publish('each-second', 'the0.bot-schedule.created', {
      type: 'scheduled/example',
      schedule: '* * * * * *',
    });
    await until(() => runs.findOne({ scheduleId: 'each-second' }), { what: 'a tick before the signal' });

    const draining = await beginsToStop(scheduler);
    const nominal = { $gt: new Date(draining.stopAt + NO_NEW_WORK_WITHIN_MS) };
    const taken = until(() => runs.findOne({ scheduleId: 'each-second', nominal }), { timeoutMs: 2_500 });
    await expect(taken, 'the tick was taken').rejects.toThrow('did not come true');
  });
});
