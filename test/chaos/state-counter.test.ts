import { text } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import { extract } from 'tar-stream';
import { expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { ContainerDetail, Engine } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { containerName, stateVolumeName } from '../../model/names.ts';
import { botDocument, newBotId, statusOf } from '../support/bots.ts';
import { ownServers, type OwnServers } from '../support/chaos-servers.ts';
import { watchForDoubles } from '../support/chaos-watch.ts';
import { openWorld, type Child, type World } from '../support/chaos-world.ts';
import { removeAll } from '../support/engine.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';
import { savedLog } from '../support/saved-log.ts';
import { testEngine } from '../support/servers.ts';

/** Counts on from where it was, and says each number once that is safely in its state. */
const CODE = {
  'main.py': `
import json, os, time

def main(bot_id, config):
    try:
        with open('/state/counter.json') as file:
            n = json.load(file)['n']
    except FileNotFoundError:
        n = 0
    print(f'began {n}', flush=True)
    while True:
        n += 1
        with open('/state/counter.tmp', 'w') as file:
            json.dump({'n': n}, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename('/state/counter.tmp', '/state/counter.json')
        print(f'count {n}', flush=True)
        time.sleep(0.1)
`,
};
const ROUNDS = 2;
const RECOVERY_MS = 60_000;

type Scene = {
  world: World;
  botId: string;
  /** The way to S3. */
  s3: FaultProxy;
  /** MongoDB, Redis and S3, of this test alone. */
  running: OwnServers['running'];
  processor: Child;
};

/** Everything that may be killed, each a kill or two. */
const KILLS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  async 'the bot'(scene) {
    await killBot(scene);
  },
  async 'the processor'(scene) {
    await killProcessor(scene);
  },
  async 'the bot and the processor at once'(scene) {
    await Promise.all([killBot(scene), killProcessor(scene)]);
  },
  async 'the bot, while S3 is away'(scene) {
    const { id } = await containerOf(scene);
    scene.s3.cut();
    // One of which all is saved is not started again in place: nothing of it is lost with its container. So it says more.
    await countBeyond(scene, 1 + (await counterIn(scene.world.engine, id)));
    await killBot(scene);
    // The same container runs again, since what it said cannot be saved.
    await until(async () => (await containerOf(scene)).state === 'running', { timeoutMs: RECOVERY_MS });
    expect((await containerOf(scene)).id).toBe(id);
    scene.s3.heal();
  },
  async 'the processor, while S3 is away'(scene) {
    scene.s3.cut();
    await killProcessor(scene);
    scene.s3.heal();
  },
  async 'its container, by force'(scene) {
    await scene.world.engine.remove((await anyContainerOf(scene)).id, { force: true });
  },
  async 'the processor, while the bot is replaced'(scene) {
    await configure(scene, { 'config.v': Math.random() });
    await killProcessor(scene);
  },
  async 'its host, after an orderly stop'(scene) {
    const { world, botId } = scene;
    await configure(scene, { 'config.enabled': false });
    await statusOf(world.collections.status, botId, ({ phase }) => phase === 'stopped', RECOVERY_MS);
    // A helper that looks at it just now keeps it for a moment.
    await until(() => world.engine.removeVolume(stateVolumeName(world.engine.installation, botId)), {
      timeoutMs: RECOVERY_MS,
      what: 'the end of its volume',
    });
    await configure(scene, { 'config.enabled': true });
  },
  async 'Redis, with all that was in it'(scene) {
    await emptyRedis(scene);
  },
  async 'the bot, and Redis with all that was in it'(scene) {
    await Promise.all([killBot(scene), emptyRedis(scene)]);
  },
  async MongoDB({ running }) {
    running.mongo.kill('SIGKILL');
    await running.mongo.restart();
  },
  async 'the bot and the processor, while MongoDB is away'(scene) {
    const { id } = await anyContainerOf(scene);
    scene.running.mongo.kill('SIGKILL');
    await scene.world.engine.stop(id, 0);
    scene.processor.kill('SIGKILL');
    await scene.running.mongo.restart();
    scene.processor = await scene.world.spawn('processor');
  },
  async S3({ running }) {
    await killS3(running);
  },
  async 'S3, while the bot is replaced'(scene) {
    await configure(scene, { 'config.v': Math.random() });
    await killS3(scene.running);
  },
  async 'what is on record of its state'(scene) {
    await forget(scene);
  },
  async 'the bot, and what is on record of its state'(scene) {
    await forget(scene);
    await killBot(scene);
  },
  async 'the bot, and what is on record of its state, while it is replaced'(scene) {
    await configure(scene, { 'config.v': Math.random() });
    await Promise.all([forget(scene), killBot(scene)]);
  },
};

it(`a counter never goes back, whatever is killed: ${ROUNDS * Object.keys(KILLS).length} kills`, async () => {
  await using own = await ownServers('mongo', 'redis', 's3');
  const { servers, running } = own;
  const dockerHost = testEngine();
  const log = createLogger({ level: 'silent', service: 'test' });
  await using s3 = await FaultProxy.start(servers.s3.port);
  await using engine = createDockerEngine({ installation: servers.installation, dockerHost, log });
  try {
    const doubles = watchForDoubles(engine);
    await using world = await openWorld({
      servers,
      engine,
      environment: {
        DOCKER_HOST: dockerHost,
        S3_ENDPOINT: `127.0.0.1:${s3.port}`,
        STATE_CHECK_INTERVAL: '1s',
        STATE_SAVE_INTERVAL: '2s',
        STATE_PLATFORM_INTERVAL: '2s',
      },
      code: CODE,
    });
    await world.plan();
    const botId = newBotId();
    const scene: Scene = { world, botId, s3, running, processor: await world.spawn('processor') };
    await world.collections.bots.insertOne(botDocument(botId, { filePath: world.filePath }));
    let reached = await countBeyond(scene, 3);
    for (let round = 0; round < ROUNDS; round += 1)
      for (const [what, kill] of Object.entries(KILLS)) {
        await kill(scene);
        const now = await countBeyond(scene, reached).catch((error: unknown) => {
          throw new Error(`after the end of ${what}`, { cause: error });
        });
        expect(now, `after the end of ${what}`).toBeGreaterThan(reached);
        reached = now;
      }
    await configure(scene, { 'config.enabled': false });
    await statusOf(world.collections.status, botId, ({ phase }) => phase === 'stopped', RECOVERY_MS);

    const said = await savedLog(world.servers, botId);
    const begun = said.filter((line) => line.startsWith('began ')).map((line) => Number(line.slice(6)));
    const counted = said.filter((line) => line.startsWith('count ')).map((line) => Number(line.slice(6)));
    expect(begun.filter((n) => n === 0)).toHaveLength(1);
    expect(begun).toEqual(begun.toSorted((a, b) => a - b));
    expect(counted.filter((n, index) => index > 0 && n <= (counted[index - 1] ?? 0))).toEqual([]);
    expect(counted.at(-1)).toBeGreaterThanOrEqual(reached);
    expect(await doubles.stop()).toEqual([]);
  } finally {
    s3.heal();
    await removeAll(engine);
  }
}, 600_000);

async function containerOf({ world, botId }: Scene): Promise<ContainerDetail> {
  const container = await world.engine.inspect(containerName(world.engine.installation, botId));
  if (container === undefined) {
    const status = await world.collections.status.findOne({ _id: botId });
    throw new Error(`the bot has no container: ${status?.phase}, ${status?.reason}`);
  }
  return container;
}

/** One that is replaced, as a change before may still lead to, has none for a moment. */
const anyContainerOf = (scene: Scene): Promise<ContainerDetail> =>
  until(() => containerOf(scene), { timeoutMs: RECOVERY_MS, what: 'its container' });

async function killBot(scene: Scene): Promise<void> {
  await scene.world.engine.stop((await anyContainerOf(scene)).id, 0);
}

async function killProcessor(scene: Scene): Promise<void> {
  scene.processor.kill('SIGKILL');
  scene.processor = await scene.world.spawn('processor');
}

/** In the middle of what it is writing, as it may be. */
async function killS3({ s3 }: Scene['running']): Promise<void> {
  s3.kill('SIGKILL');
  await s3.restart();
}

async function emptyRedis({ running: { redis }, world }: Scene): Promise<void> {
  const client = new Redis(world.servers.redisUrl);
  await client.flushall();
  client.disconnect();
  redis.kill('SIGKILL');
  await redis.restart();
}

/** As after the loss of our database, or an older one put back. */
async function forget({ world, botId }: Scene): Promise<void> {
  // Forgotten of late, it is known again at the next save.
  await until(async () => (await world.collections.botState.deleteOne({ _id: botId })).deletedCount === 1, {
    timeoutMs: RECOVERY_MS,
    what: 'its record',
  });
}

const configure = ({ world, botId }: Scene, set: Record<string, unknown>): Promise<unknown> =>
  world.collections.bots.updateOne({ id: botId }, { $set: set });

/** The counter as the bot that runs has it, once it is beyond this: it counts ten a second. */
async function countBeyond(scene: Scene, before: number): Promise<number> {
  return until(
    async () => {
      const container = await containerOf(scene);
      if (container.state !== 'running') throw new Error(`its container is ${container.state}`);
      const n = await counterIn(scene.world.engine, container.id);
      if (n <= before) throw new Error(`it is at ${n}, and was at ${before}`);
      return n;
    },
    { timeoutMs: RECOVERY_MS, everyMs: 100, what: 'the counter going on' },
  );
}

async function counterIn(engine: Engine, containerId: string): Promise<number> {
  const archive = (await engine.readArchive(containerId, '/state/counter.json')).pipe(extract());
  for await (const entry of archive) return (JSON.parse(await text(entry)) as { n: number }).n;
  return 0;
}
