import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { LABEL } from '../../model/labels.ts';
import { containerName } from '../../model/names.ts';
import { botDocument, newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { startTestRunner, type TestRunner } from '../support/runner.ts';
import { testServers, type TestServers } from '../support/servers.ts';

/** EGRESS_FILTER=off: the rules are somebody else's. Whether there are any is found out all the same. */
type World = {
  servers: TestServers;
  engine: FakeEngine;
  runner: TestRunner;
  filePath: string;
  probes: number;
};
/** How the probe ends: it has reached the metadata address, or not. */
const REACHED = 0;
const NOT_REACHED = 3;
let ending = REACHED;

async function open(environment: Record<string, string>): Promise<World> {
  const servers = testServers();
  const engine = createFakeEngine({ installation: servers.installation, images: ['python:3.11-slim'] });
  const start = engine.start.bind(engine);
  const { NATS_URL: _none, ...base } = servers.environment;
  const world: Omit<World, 'runner'> = {
    servers,
    engine,
    filePath: await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' }),
    probes: 0,
  };
  engine.start = async (id, options) => {
    await start(id, options);
    if ((await engine.inspect(id))?.labels[LABEL.kind] !== 'probe') return;
    world.probes += 1;
    await engine.control.exit(id, ending);
  };
  const runner = await startTestRunner({
    environment: { ...base, EGRESS_FILTER: 'off', ...environment },
    engine,
  });
  return Object.assign(world, { runner });
}

async function newBot({ runner, filePath }: World): Promise<string> {
  const botId = newBotId();
  await runner.services.collections.bots.insertOne(botDocument(botId, { filePath }));
  return botId;
}

const running = ({ runner }: World, botId: string) =>
  statusOf(runner.services.collections.status, botId, ({ phase }) => phase === 'running');

describe('with EGRESS_FILTER=off', () => {
  let world: World;
  let botId = '';
  beforeAll(async () => {
    world = await open({ ALLOW_UNFILTERED_EGRESS: 'false' });
  });
  afterAll(() => world.runner.stop());
  beforeEach(() => {
    ending = REACHED;
  });

  it('a bot is not started where a container reaches the metadata address, and its status says why', async () => {
    botId = await newBot(world);
    const status = await statusOf(
      world.runner.services.collections.status,
      botId,
      ({ phase }) => phase === 'failed',
    );
    expect(status).toMatchObject({ failureCode: 'egress_unfiltered', permanent: false });
    expect(status.nextAttemptAt).toBeInstanceOf(Date);
    expect(status.reason).toMatch(/EGRESS_FILTER=off.*169\.254\.169\.254.*ALLOW_UNFILTERED_EGRESS=1/);
    expect(await world.engine.inspect(containerName(world.servers.installation, botId))).toBeUndefined();
  });

  it('it is started as soon as the address cannot be reached any more', async () => {
    ending = NOT_REACHED;
    expect(await running(world, botId)).toMatchObject({ reason: 'It runs.' });
  });

  it('what a probe found holds for the bots that follow', async () => {
    const before = world.probes;
    await Promise.all(
      (await Promise.all([1, 2, 3].map(() => newBot(world)))).map((id) => running(world, id)),
    );
    expect(world.probes).toBe(before);
  });
});

it('ALLOW_UNFILTERED_EGRESS=1 waives it, and nothing is probed', async () => {
  ending = REACHED;
  const world = await open({ ALLOW_UNFILTERED_EGRESS: '1' });
  try {
    await running(world, await newBot(world));
    expect(world.probes).toBe(0);
  } finally {
    await world.runner.stop();
  }
});
