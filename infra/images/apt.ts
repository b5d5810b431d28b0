import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastLines, runCommand, type CommandResult } from '../local/command.ts';
import { BuildImpossible } from './errors.ts';

const APT_TIMEOUT_MS = 600_000;

/** File names in what `apt-get --print-uris` prints: `'uri' file size hash`. */
export function parseUris(output: string): string[] {
  return [...output.matchAll(/^'[^']+' (\S+\.deb) \d+/gm)].map(([, file]) => file ?? '');
}

/**
 * The system's packages as files, through the system's own apt, which checks every one of them. Nothing is installed,
 * and no root is needed as long as the package lists are there.
 */
export class AptArchive {
  readonly #dir: string;
  constructor(dir: string) {
    this.#dir = dir;
  }

  static get isPossible(): boolean {
    return existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg-deb');
  }

  /** Paths of the packages and of all that they depend on, as if nothing were installed; `alone` without dependencies. */
  async fetch(packages: readonly string[], alone: readonly string[]): Promise<string[]> {
    await mkdir(join(this.#dir, 'partial'), { recursive: true });
    const scratch = await mkdtemp(join(this.#dir, 'empty-'));
    try {
      await mkdir(join(scratch, 'partial'));
      const status = join(scratch, 'status');
      await writeFile(status, '');
      // Listed against an empty directory, since what is there already would not be listed.
      const listed = await this.#withLists(
        ['install', '--yes', '--print-uris', ...packages],
        options(status, scratch),
        scratch,
      );
      const listedAlone = await this.#withLists(['download', '--print-uris', ...alone], [], scratch);
      // An empty status makes apt take every dependency for missing: the closure is the same on every machine.
      await this.#apt(
        ['install', '--yes', '--download-only', ...packages],
        options(status, this.#dir),
        this.#dir,
      );
      await this.#apt(['download', ...alone], [], this.#dir);
      return [...new Set([...parseUris(listed), ...parseUris(listedAlone)])].map((file) =>
        join(this.#dir, file),
      );
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  /** Fresh machines have no package lists: fetched once, if the first try fails. */
  async #withLists(args: readonly string[], settings: readonly string[], cwd: string): Promise<string> {
    try {
      return await this.#apt(args, settings, cwd);
    } catch (error) {
      if (process.getuid?.() !== 0) throw error;
      await this.#apt(['update'], [], cwd);
      return this.#apt(args, settings, cwd);
    }
  }

  async #apt(args: readonly string[], settings: readonly string[], cwd: string): Promise<string> {
    const everywhere = [
      '-o',
      'APT::Sandbox::User=root',
      '-o',
      'APT::Install-Recommends=0',
      '-o',
      'Acquire::Retries=3',
    ];
    const result: CommandResult = await runCommand('apt-get', [...everywhere, ...settings, ...args], {
      cwd,
      timeoutMs: APT_TIMEOUT_MS,
      environment: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    });
    if (result.code !== 0)
      throw new BuildImpossible(
        `apt-get ${args[0] ?? ''} failed: ${lastLines(result.output, 3).replaceAll('\n', ' | ')}`,
      );
    return result.output;
  }
}

const options = (status: string, archives: string): string[] => [
  ...['-o', `Dir::State::status=${status}`],
  ...['-o', `Dir::Cache::archives=${archives}`],
  ...['-o', 'Debug::NoLocking=1'],
];
