import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SCHEDULE_QUEUES } from '../../queues/names.ts';
import { ownServers, servedEngine } from '../support/chaos-servers.ts';
import { endRunsByThemselves, watchFakeRuns } from '../support/chaos-schedule-history.ts';
import { findingsOf } from '../support/chaos-schedule-ledger.ts';
import { ledgerTrial } from '../support/chaos-schedule-trial.ts';
import { openWorld } from '../support/chaos-world.ts';

const PRELOAD = pathToFileURL(join(import.meta.dirname, '..', 'support', 'shift-date-preload.ts')).href;
const HOUR_MS = 3_600_000;

type Shifts = readonly string[];

/** Whole processes: planner, overdue sweep, alarms and handlers alike, on hosts whose clocks are wrong. */
it.each<[string, Shifts, ('bot-scheduler' | 'processor')?]>([
  ['an hour ahead', [`${HOUR_MS}@0`]],
  ['an hour behind, and those of processors right', [`${-HOUR_MS}@0`, '0@0'], 'processor'],
  // Each jumps while the other keeps its time, and what one plans the other handles.
  ['right and wrong by turns', [`0@0,${HOUR_MS}@4,${-HOUR_MS}@7,0@10`, `${-HOUR_MS}@0,0@5,${HOUR_MS}@9`]],
])(
  'no tick is lost, doubled or invented while the clocks of bot-schedulers are %s',
  async (_title, shifts, second = 'bot-scheduler') => {
    await using own = await ownServers('redis');
    await using fake = await servedEngine(own.servers.installation);
    endRunsByThemselves(fake.server.host, { minMs: 100, maxMs: 400, random: Math.random, exitCode: () => 0 });
    await using world = await openWorld({
      servers: own.servers,
      engine: fake.engine,
      engineUrl: fake.url,
      queues: SCHEDULE_QUEUES,
    });
    const report = await ledgerTrial({
      world,
      history: watchFakeRuns(fake.engine),
      roles: shifts.map((_, index) => (index === 0 ? 'bot-scheduler' : second)),
      environmentOf: (member) => ({
        NODE_OPTIONS: `--import=${PRELOAD}`,
        SHIFT_DATE: shifts[member] ?? '',
      }),
      schedules: 20,
      seconds: 12,
      faults: [],
      servers: {},
      publish: (documents) => world.collections.schedules.insertMany([...documents]),
      say: console.log,
    });
    const { due, records, reasons } = report;
    console.log(`${due} due, ${JSON.stringify({ ...records, reasons })}`);
    expect(findingsOf(report)).toEqual([]);
    expect(due).toBeGreaterThanOrEqual(20 * 5);
    expect(records.succeeded ?? 0).toBeGreaterThan(due / 3);
  },
  120_000,
);
