import { runRole } from '../../../cli/run-role.ts';
import { startProcessing } from '../../../cli/roles/processing.ts';
import { startScheduling } from '../../../cli/roles/scheduling.ts';
import { openServices } from '../../../cli/roles/services.ts';
import { loadSettings } from '../../../infra/config/load.ts';
import { connectFakeEngine } from '../../../infra/engine/fake/index.ts';

/**
 * A bot-scheduler that executes nothing: it plans schedules, keeps their alarms and handles their ticks, and the runs stay
 * on their queue. Over the fake engine of FAKE_ENGINE_URL. On SIGUSR2 prints its memory after a collection, and the CPU it
 * has used.
 */
process.on('SIGUSR2', () => {
  const { gc } = globalThis;
  if (gc !== undefined) void gc();
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ rss, heapUsed, cpuMs: (user + system) / 1000 }));
});
const settings = loadSettings(process.env);
const engine = connectFakeEngine({
  url: process.env['FAKE_ENGINE_URL'] ?? '',
  installation: settings.INSTALLATION,
});
await runRole(
  {
    service: 'bot-scheduler',
    settings,
    environment: process.env,
    healthPort: 0,
    healthPortSetting: 'HEALTH_PORT',
  },
  async (base) => {
    const context = { ...base, engine };
    const services = await openServices(context);
    startScheduling(context, services);
    await startProcessing(context, services, {
      queues: ['schedule-tick'],
      concurrency: settings.QUEUE_CONCURRENCY,
    });
    context.lifecycle.started();
  },
);
