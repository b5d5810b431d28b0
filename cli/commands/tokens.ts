import { InvalidArgumentError, Option, type Command } from 'commander';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { ROLES, type Role } from '../../model/access.ts';
import { parseDuration } from '../../model/duration.ts';
import { withApi } from '../client/with-api.ts';
import { roleWords, tokensTable, tokenView } from '../tokens/table.ts';
import { changeOf, changing, group, listOf, type ApiFlags, type ChangeFlags } from './api-command.ts';
import { printJson } from './flags.ts';
import { show } from './watching.ts';

type CreateFlags = ChangeFlags & { role: Role; expires?: number };

const DAY_MS = 24 * 60 * 60_000;

export function tokensCommand(program: Command): void {
  const tokens = group(program, 'tokens', 'list the tokens of the control API, the newest first');
  listOf(tokens, 'the same').action(list);
  tokens
    .command('create')
    .description('make a token; it is shown once, and kept nowhere')
    .argument('<name>', 'whose it is, or what it is for: the audit names callers so')
    .addOption(
      new Option('--role <role>', 'what it may: viewer reads, operator acts, admin makes tokens as well')
        .choices(ROLES)
        .makeOptionMandatory(),
    )
    .option('--expires <duration>', 'ends it after so long, such as 90d or 12h; unset: never', lifetime)
    .addOption(
      new Option('--reason, --why <text>', 'the reason, kept in the audit').default('made at a command line'),
    )
    .action(create);
  changing(tokens.command('revoke').description('end a token: within two seconds it is refused everywhere'))
    .argument('<id>', 'its id, as the list has it')
    .action(revoke);
}

async function list(_flags: ApiFlags, command: Command): Promise<void> {
  await show(
    command.optsWithGlobals<ApiFlags>(),
    async (api) => {
      const { tokens } = await api.installation.listTokens({});
      return tokens.map((token) => tokenView(token, Date.now()));
    },
    (views, look) =>
      views.length === 0
        ? 'There are no tokens. Make one: npx the0-runtime tokens create NAME --role admin'
        : tokensTable(views, look),
  );
}

async function create(name: string, _flags: CreateFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<CreateFlags>();
  const { role, expires: lifetimeMs, json = false } = flags;
  const { token, text } = await withApi(flags, (api) =>
    api.installation.createToken({
      name,
      role: roleWords.value(role),
      change: changeOf(flags),
      ...(lifetimeMs === undefined ? {} : { lifetime: durationFromMs(lifetimeMs) }),
    }),
  );
  if (token === undefined) throw new Error('The API has answered without a token');
  const { id, expires: ends } = tokenView(token, Date.now());
  if (json) return printJson({ id, name: token.name, role, expires: ends, token: text });
  // Alone on standard output, so that it can be piped to where secrets are kept.
  console.error(`${token.name} (${id}) is ${role}${ends === null ? '' : ` until ${ends}`}. Shown this once:`);
  console.log(text);
}

async function revoke(id: string, _flags: ChangeFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<ChangeFlags>();
  const { token, changed } = await withApi(flags, (api) =>
    api.installation.revokeToken({ id, change: changeOf(flags) }),
  );
  if (token === undefined) throw new Error('The API has answered without a token');
  const { name, revoked } = tokenView(token, Date.now());
  if (flags.json === true) return printJson({ id, name, revoked: true, changed });
  console.log(
    changed ? `revoked ${name} (${id})` : `${name} (${id}) was revoked already, at ${revoked ?? '?'}`,
  );
}

function lifetime(text: string): number {
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  const ms = days === undefined ? parseDuration(text) : Number(days) * DAY_MS;
  if (ms === undefined || ms <= 0)
    throw new InvalidArgumentError('Expected a duration such as 90d, 12h or 30m.');
  return ms;
}
