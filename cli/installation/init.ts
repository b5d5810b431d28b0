import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { newSecrets, SECRET_FILES } from '../../infra/installation/secrets.ts';
import { CliError, EXIT } from '../errors.ts';
import { productVersion, ROOT } from '../paths.ts';

export type InitOptions = { dir: string; installation: string; socket: string };
export type InitOutcome = {
  dir: string;
  /** Secrets were there already, and are untouched. */
  keptSecrets: boolean;
  image: string;
};

/**
 * Makes what `docker compose up` needs in a folder: the product's compose file, secrets, `.env` and `settings.env`. May be run
 * again, as an upgrade does: the compose file is replaced, what is in the others stays.
 */
export function initInstallation(options: InitOptions): InitOutcome {
  const dir = resolve(options.dir);
  const secretsDir = join(dir, 'secrets');
  mkdirSync(secretsDir, { recursive: true, mode: 0o700 });
  const present = SECRET_FILES.filter((file) => existsSync(join(secretsDir, file)));
  if (present.length > 0 && present.length < SECRET_FILES.length)
    throw new CliError(
      `${secretsDir} has only some of the secrets (${present.join(', ')}): put the others back, or, for an installation without data, delete the folder`,
      EXIT.failure,
    );
  const keptSecrets = present.length > 0;
  if (!keptSecrets)
    for (const [file, content] of Object.entries(newSecrets(randomBytes))) {
      const path = join(secretsDir, file);
      writeFileSync(path, content, { flag: 'wx' });
      // Whoever runs in a container reads it there under another user; the folder keeps everybody else out.
      chmodSync(path, 0o444);
    }
  // The mode of a folder that was there already stays what somebody made it.
  if (!keptSecrets) chmodSync(secretsDir, 0o700);
  makeOwn(dir, secretsDir);
  copyFileSync(join(ROOT, 'infra', 'compose.yaml'), join(dir, 'compose.yaml'));
  const image = `the0-runtime:${productVersion()}`;
  writeEnvironment(join(dir, '.env'), {
    INSTALLATION: options.installation,
    DOCKER_GID: groupOf(options.socket),
    DOCKER_SOCKET: options.socket,
    THE0_IMAGE: image,
    THE0_NETWORK_IMAGE: `the0-runtime-network:${productVersion()}`,
  });
  return { dir, keptSecrets, image };
}

/** What is the operator's alone. The compose file counts on both: not every `docker compose` does without. */
function makeOwn(dir: string, secretsDir: string): void {
  const own = join(secretsDir, 'own');
  if (!existsSync(own)) {
    mkdirSync(own);
    // As the secrets are: read under another user where it is mounted, and behind a folder that keeps everybody else out.
    chmodSync(own, 0o755);
  }
  const settings = join(dir, 'settings.env');
  if (existsSync(settings)) return;
  copyFileSync(join(ROOT, 'infra', 'installation', 'settings.env'), settings, constants.COPYFILE_EXCL);
  chmodSync(settings, 0o600);
}

/** Which images belong to this version is ours to say; everything else that is there is the operator's. */
function writeEnvironment(path: string, wanted: Readonly<Record<string, string>>): void {
  const present = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const known = parseEnv(present);
  const lines = present.split('\n').filter((line) => !/^THE0_(NETWORK_)?IMAGE=/.test(line));
  while (lines.at(-1) === '') lines.pop();
  for (const [name, value] of Object.entries(wanted))
    if (name.endsWith('_IMAGE') || known[name] === undefined) lines.push(`${name}=${value}`);
  writeFileSync(path, `${lines.join('\n')}\n`);
}

function groupOf(socket: string): string {
  try {
    return String(statSync(socket).gid);
  } catch {
    throw new CliError(
      `There is no socket of a container engine at ${socket}: start the engine, or name its socket with --socket`,
      EXIT.unreachable,
    );
  }
}
