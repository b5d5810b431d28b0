// A process that runs runs, on a fake engine of its own, on a host whose `Date` becomes wrong: `RUNS_SERVERS` names its servers,
// each message a shift. The second container it makes fails, all others succeed. Says `ready` when it takes jobs.
import { shiftDate } from '../support/shift-date.ts';
import type { TestServers } from '../support/servers.ts';

shiftDate(0);

const { createFakeEngine } = await import('../../infra/engine/fake/index.ts');
const { openRunsWorld, withProgram } = await import('./runs-world.ts');

const parent = process.ppid;
setInterval(() => process.ppid !== parent && process.exit(1), 1_000).unref();
const servers = JSON.parse(process.env['RUNS_SERVERS'] ?? '') as TestServers;
const engine = createFakeEngine({
  installation: servers.installation,
  engineId: process.env['RUNS_ENGINE'] ?? '',
  images: ['python:3.11-slim'],
});
let created = 0;
const world = await openRunsWorld({
  servers,
  engine: withProgram(engine, () => {
    created += 1;
    return { exitCode: created === 2 ? 7 : 0, exitAfterMs: 1_000 };
  }),
});

process.on('message', (shiftMs) => shiftDate(Number(shiftMs)));
world.worker();
process.send?.('ready');
