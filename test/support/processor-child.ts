// A role in a process of its own, to be killed, stopped and cut off: `node processor-child.ts processor|bot-runner`.
// Settings come from the environment; FAKE_ENGINE_URL names the fake engine, and without it the settings' Docker is used.
import { runRole } from '../../cli/run-role.ts';
import { startBotRunner } from '../../cli/roles/bot-runner.ts';
import type { RoleContext } from '../../cli/roles/context.ts';
import { startProcessor } from '../../cli/roles/processor.ts';
import { loadSettings } from '../../infra/config/load.ts';
import { connectFakeEngine } from '../../infra/engine/fake/index.ts';
import { QUEUES } from '../../queues/names.ts';

const [role] = process.argv.slice(2);
// A test that is itself killed leaves nobody to end its children.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && process.exit(1), 1_000).unref();
const settings = loadSettings(process.env);
const url = process.env['FAKE_ENGINE_URL'];

function withEngine(context: RoleContext): RoleContext {
  if (url === undefined) return context;
  return { ...context, engine: connectFakeEngine({ url, installation: settings.INSTALLATION }) };
}

await runRole(
  {
    service: role ?? '',
    settings,
    environment: process.env,
    healthPort: 0,
    healthPortSetting: 'HEALTH_PORT',
  },
  (context) =>
    role === 'processor'
      ? startProcessor(withEngine(context), { queues: QUEUES, concurrency: settings.QUEUE_CONCURRENCY })
      : startBotRunner(withEngine(context)),
);
