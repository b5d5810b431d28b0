import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findOverlaps } from '../../infra/engine/fake/index.ts';
import { botDocument, newBotId } from '../support/bots.ts';
import { servedEngine, type ServedEngine } from '../support/chaos-servers.ts';
import { openWorld, problemsOf, untilWell, type World } from '../support/chaos-world.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

/** Longer than any test here: what follows a wish is the change stream, not the resync. */
const SETTINGS = { RECONCILE_INTERVAL: '10m', STOP_GRACE: '20s' };

let fake: ServedEngine;
let world: World;

beforeEach(async () => {
  const servers = testServers();
  fake = await servedEngine(servers.installation);
  world = await openWorld({ servers, engine: fake.engine, engineUrl: fake.url, environment: SETTINGS });
});
afterEach(async () => {
  const overlaps = findOverlaps(await fake.engine.control.ledger());
  await world[Symbol.asyncDispose]();
  await fake[Symbol.asyncDispose]();
  expect(overlaps).toEqual([]);
});

const insert = async (count = 1): Promise<string[]> => {
  const ids = Array.from({ length: count }, () => newBotId());
  await world.collections.bots.insertMany(ids.map((id) => botDocument(id, { filePath: world.filePath })));
  return ids;
};
const events = async (type: string): Promise<string[]> =>
  (await fake.engine.control.ledger()).filter((entry) => entry.type === type).map((entry) => entry.botId);

it('of two bot-runners the one that plans is killed, and the other plans on within its lease, nothing doubled', async () => {
  const runners = await Promise.all([world.spawn('bot-runner'), world.spawn('bot-runner')]);
  const ids = await insert(10);
  await untilWell(world, { timeoutMs: 15_000 });
  const lease = await until(() =>
    world.collections.leases.findOne({ _id: `${world.servers.installation}:planner` }),
  );
  const planning = runners.find((runner) => lease.owner.includes(`:${runner.pid}:`));
  expect(planning, `the holder ${lease.owner}`).toBeDefined();
  planning?.kill('SIGKILL');
  ids.push(...(await insert(5)));
  const tookMs = await untilWell(world, { timeoutMs: 10_000 });
  console.log(`planned on after ${Math.round(tookMs)} ms`);
  expect((await events('started')).toSorted()).toEqual(ids.toSorted());
}, 60_000);

it('SIGTERM: not ready at once, no new work, work in hand finished, bots left running and adopted by the next', async () => {
  const leaving = await world.spawn('bot-runner');
  await insert(6);
  await untilWell(world, { timeoutMs: 15_000 });
  await until(async () => (await leaving.readyz()).code === 200);
  await fake.engine.control.setLatency('start', 1_200);
  const [inHand = ''] = await insert();
  await until(async () => (await events('created')).includes(inHand), { everyMs: 5 });

  leaving.kill('SIGTERM');
  await until(async () => (await leaving.readyz()).code === 503, { timeoutMs: 100, everyMs: 2 });
  await sleep(100);
  const [late = ''] = await insert();
  const { code } = await leaving.ended;
  expect(code).toBe(0);
  expect(await events('started'), 'what was in hand').toContain(inHand);
  expect(await events('created'), 'what came after').not.toContain(late);
  expect(await events('ended')).toEqual([]);
  expect(await world.collections.status.countDocuments({ lock: { $ne: null } }), 'locks left behind').toBe(0);
  expect(await problemsOf(world), 'only the late one is missing').toHaveLength(1);

  await fake.engine.control.clearFaults();
  await world.spawn('bot-runner');
  await untilWell(world, { timeoutMs: 10_000 });
  expect(await events('started')).toHaveLength(8);
  expect(await events('ended')).toEqual([]);
}, 60_000);

it('SIGTERM during a pull hands the start back at once, and a second signal ends a process that still stops a bot', async () => {
  const leaving = await world.spawn('bot-runner');
  await fake.engine.control.removeImage('python:3.11-slim');
  await fake.engine.control.addToRegistry('python:3.11-slim');
  await fake.engine.control.setLatency('pullImage', 60_000);
  const [pulling = ''] = await insert();
  await until(async () => (await world.collections.status.findOne({ _id: pulling }))?.phase === 'starting');
  const beganMs = performance.now();
  leaving.kill('SIGTERM');
  expect(await leaving.ended).toMatchObject({ code: 0 });
  expect(performance.now() - beganMs, 'ms to hand back').toBeLessThan(3_000);

  await fake.engine.control.clearFaults();
  const stubborn = await world.spawn('bot-runner');
  await untilWell(world, { timeoutMs: 10_000 });
  await fake.engine.control.setLatency('stop', 60_000);
  await world.collections.bots.updateOne({ id: pulling }, { $set: { 'config.enabled': false } });
  await until(async () => (await world.collections.status.findOne({ _id: pulling }))?.phase === 'stopping');
  stubborn.kill('SIGTERM');
  await sleep(600);
  const secondMs = performance.now();
  stubborn.kill('SIGTERM');
  expect(await stubborn.ended).toMatchObject({ code: 143 });
  expect(performance.now() - secondMs).toBeLessThan(1_000);
  await fake.engine.control.clearFaults();
  await world.spawn('bot-runner');
  await untilWell(world, { timeoutMs: 15_000 });
}, 60_000);
