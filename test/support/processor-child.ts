// A role in a process of its own, to be killed, stopped and cut off:
// `node processor-child.ts processor|bot-runner|bot-scheduler QUEUE...`, a processor's queues; none named: all of them.
// Settings come from the environment; FAKE_ENGINE_URL names the fake engine, and without it the settings' Docker is used.
import { runRole } from '../../cli/run-role.ts';
import { startBotRunner } from '../../cli/roles/bot-runner.ts';
import { startBotScheduler } from '../../cli/roles/bot-scheduler.ts';
import type { RoleContext } from '../../cli/roles/context.ts';
import { startProcessor } from '../../cli/roles/processor.ts';
import { loadSettings } from '../../infra/config/load.ts';
import { connectFakeEngine } from '../../infra/engine/fake/index.ts';
import { QUEUES } from '../../queues/names.ts';

const [role, ...named] = process.argv.slice(2);
// A test that is itself killed leaves nobody to end its children.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && process.exit(1), 1_000).unref();
const settings = loadSettings(process.env);
const url = process.env['FAKE_ENGINE_URL'];

function withEngine(context: RoleContext): RoleContext {
  if (url === undefined) return context;
  return { ...context, engine: connectFakeEngine({ url, installation: settings.INSTALLATION }) };
}

function start(context: RoleContext): Promise<unknown> {
  if (role === 'bot-runner') return startBotRunner(context);
  if (role === 'bot-scheduler') return startBotScheduler(context);
  const queues = named.length === 0 ? QUEUES : QUEUES.filter((queue) => named.includes(queue));
  return startProcessor(context, { queues, concurrency: settings.QUEUE_CONCURRENCY });
}

await runRole(
  {
    service: role ?? '',
    settings,
    environment: process.env,
    healthPort: 0,
    healthPortSetting: 'HEALTH_PORT',
  },
  (context) => start(withEngine(context)),
);
