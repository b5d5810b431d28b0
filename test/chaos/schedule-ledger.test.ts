import { expect, it } from 'vitest';
import { SCHEDULE_QUEUES } from '../../queues/names.ts';
import { randomFrom } from '../support/chaos-kills.ts';
import { ownServers, servedEngine } from '../support/chaos-servers.ts';
import { endRunsByThemselves, watchFakeRuns } from '../support/chaos-schedule-history.ts';
import { findingsOf } from '../support/chaos-schedule-ledger.ts';
import { ledgerTrial } from '../support/chaos-schedule-trial.ts';
import { openWorld } from '../support/chaos-world.ts';

const SEED = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 1e6));

it('every tick has exactly one record and no run is doubled, though a process is killed and Redis emptied', async () => {
  console.log(`CHAOS_SEED=${SEED}`);
  const random = randomFrom(SEED);
  await using own = await ownServers('redis');
  await using fake = await servedEngine(own.servers.installation);
  const exitCode = (): number => (random() < 0.1 ? 1 : 0);
  endRunsByThemselves(fake.server.host, { minMs: 100, maxMs: 500, random, exitCode });
  await using world = await openWorld({
    servers: own.servers,
    engine: fake.engine,
    engineUrl: fake.url,
    queues: SCHEDULE_QUEUES,
  });
  const report = await ledgerTrial({
    world,
    history: watchFakeRuns(fake.engine),
    roles: ['bot-scheduler', 'processor'],
    schedules: 20,
    seconds: 15,
    faults: [
      { what: 'kill', atS: 2 + 3 * random(), dice: random() },
      { what: 'flush', atS: 9 + 2 * random() },
    ],
    servers: {},
    publish: (documents) => world.collections.schedules.insertMany([...documents]),
    say: console.log,
  });
  const { due, records, reasons, starts } = report;
  console.log(`${due} due, ${JSON.stringify({ ...records, starts, reasons })}`);
  expect(findingsOf(report)).toEqual([]);
  // 15 s and what it took to settle; most of them must have run, or the rest proves little.
  expect(due).toBeGreaterThanOrEqual(20 * 7);
  expect(records.succeeded ?? 0).toBeGreaterThan(due / 3);
}, 60_000);
