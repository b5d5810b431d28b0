import { existsSync } from 'node:fs';
import { lastLines, runCommand } from '../../infra/local/command.ts';

const TIMEOUT_MS = 240_000;

/** `docker compose`, in whichever of its two shapes is there; Debian's package where neither is. */
export async function composeCommand(): Promise<readonly string[]> {
  const plugin = await runCommand('docker', ['compose', 'version']).catch(() => undefined);
  if (plugin?.code === 0) return ['docker', 'compose'];
  if (!existsSync('/usr/bin/docker-compose')) {
    const install = ['install', '--yes', '--no-install-recommends', 'docker-compose'];
    let { code, output } = await runCommand('apt-get', install, { timeoutMs: TIMEOUT_MS });
    if (code !== 0) {
      await runCommand('apt-get', ['update'], { timeoutMs: TIMEOUT_MS });
      ({ code, output } = await runCommand('apt-get', install, { timeoutMs: TIMEOUT_MS }));
    }
    if (code !== 0)
      throw new Error(`There is no docker compose, nor a package of it: ${lastLines(output, 3)}`);
  }
  return ['/usr/bin/docker-compose'];
}

/** One installation's compose project, in its folder. */
export class ComposeProject {
  readonly #command: readonly string[];
  readonly #dir: string;
  readonly #environment: Readonly<Record<string, string>>;

  constructor(options: { command: readonly string[]; dir: string; project: string; dockerHost: string }) {
    this.#command = [...options.command, '--project-name', options.project];
    this.#dir = options.dir;
    const { PATH = '', HOME = '' } = process.env;
    this.#environment = { PATH, HOME, DOCKER_HOST: options.dockerHost };
  }

  /** What it printed; throws with its last lines where it fails. */
  async run(...args: string[]): Promise<string> {
    const [program = '', ...first] = this.#command;
    const { code, output } = await runCommand(program, [...first, ...args], {
      cwd: this.#dir,
      environment: this.#environment,
      timeoutMs: TIMEOUT_MS,
    });
    if (code !== 0) throw new Error(`compose ${args.join(' ')}: ${lastLines(output, 15)}`);
    return output;
  }
}
