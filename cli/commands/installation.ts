import { Option, type Command } from 'commander';
import { createLogger } from '../../infra/logger.ts';
import { setUpMongo } from '../../infra/installation/mongo-setup.ts';
import { CliError, EXIT } from '../errors.ts';
import { initInstallation } from '../installation/init.ts';
import { commandEnvironment, findTarget } from '../target.ts';

type InitFlags = { installation: string; socket: string };
type MongoFlags = { host: string };

/** MongoDB has three minutes to come up, as on a slow disk after a crash. */
const MONGO_PATIENCE_MS = 180_000;

export function installationCommand(program: Command): void {
  const installation = program
    .command('installation')
    .description('an installation on one host, in containers (infra/installation/README.md)');
  installation
    .command('init')
    .description(
      'makes compose.yaml, secrets/, .env and settings.env in a folder; again, for an upgrade: keeps all but compose.yaml',
    )
    .argument('<dir>', 'folder of the installation')
    .option('--installation <name>', 'its name on the engine', commandEnvironment()['INSTALLATION'] || 'the0')
    .option('--socket <path>', 'the container engine’s socket', '/var/run/docker.sock')
    .action((dir: string, flags: InitFlags) => {
      const outcome = initInstallation({ dir, ...flags });
      console.log(
        [
          `${outcome.dir} has compose.yaml, .env, settings.env and secrets/${outcome.keptSecrets ? ' (kept)' : ''}. Next:`,
          '  npm run image                       # here, if the engine has no image of this version yet',
          `  cd ${outcome.dir}`,
          '  docker compose up --detach',
          '  docker compose run --rm controller tokens create me --role admin',
        ].join('\n'),
      );
    });
  installation
    .command('mongo')
    .description(
      'makes the replica set and the runtime’s user; run once by compose.yaml, in MongoDB’s network',
    )
    .addOption(
      new Option('--host <host:port>', 'the member’s name for everybody else').default('mongo:27017'),
    )
    .action(async (flags: MongoFlags, command: Command) => {
      const { settings } = findTarget(command.optsWithGlobals());
      const url = new URL(settings.MONGO_URI);
      if (url.username === '' || url.password === '')
        throw new CliError('MONGO_URI names no user and password, which are to be made', EXIT.usage);
      const outcome = await setUpMongo({
        local: '127.0.0.1:27017',
        host: flags.host,
        replicaSet: url.searchParams.get('replicaSet') ?? 'rs0',
        user: decodeURIComponent(url.username),
        password: decodeURIComponent(url.password),
        log: createLogger({ level: settings.LOG_LEVEL, service: 'installation' }),
        signal: AbortSignal.timeout(MONGO_PATIENCE_MS),
      });
      console.log(
        outcome === 'made' ? 'The replica set and its user are made.' : 'All is there: nothing to do.',
      );
    });
}
