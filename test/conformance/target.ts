import { randomBytes } from 'node:crypto';
import type { FakeProgram } from '../../infra/engine/fake/program.ts';
import type { ContainerSpec, Engine, EngineEvent } from '../../infra/engine/port.ts';
import { SMALL_LIMITS } from '../support/container-limits.ts';

/** One implementation of the engine port, as the suite sees it. */
export type EngineTarget = {
  name: string;
  /** Engines of several installations share one host. */
  open(installation: string): Engine;
  /** Engines that cannot be reached, each in its own way. */
  unreachable(): Engine[];
  /** A reference that is present, and has a shell. */
  image(engine: Engine): Promise<string>;
  /** A command that behaves as described. */
  command(program: FakeProgram): string[];
};

export const newInstallation = (): string => `t-${randomBytes(4).toString('hex')}`;

/** The engine of one installation with all that a test makes on it, removed by `clean`. */
export class Bench {
  readonly target: EngineTarget;
  readonly engine: Engine;
  readonly installation: string;
  #count = 0;

  constructor(target: EngineTarget, installation = newInstallation()) {
    this.target = target;
    this.installation = installation;
    this.engine = target.open(installation);
  }

  name(): string {
    return `${this.installation}_bot-${++this.#count}`;
  }

  async spec(program: FakeProgram = {}, changes: Partial<ContainerSpec> = {}): Promise<ContainerSpec> {
    return {
      name: this.name(),
      kind: 'bot',
      image: await this.target.image(this.engine),
      command: this.target.command(program),
      workingDir: '/tmp',
      env: {},
      labels: {},
      limits: SMALL_LIMITS,
      volumes: [],
      tmpfs: [{ path: '/tmp', sizeMb: 4, exec: false, mode: 0o1777 }],
      network: 'none',
      ...changes,
    };
  }

  async create(program: FakeProgram = {}, changes: Partial<ContainerSpec> = {}): Promise<string> {
    return this.engine.create(await this.spec(program, changes));
  }

  async run(program: FakeProgram = {}, changes: Partial<ContainerSpec> = {}): Promise<string> {
    const id = await this.create(program, changes);
    await this.engine.start(id);
    return id;
  }

  /** Collects events from now on. */
  async listen(sinceMs?: number): Promise<{ events: EngineEvent[]; stop: () => Promise<void> }> {
    const abort = new AbortController();
    const events: EngineEvent[] = [];
    const done = (async () => {
      for await (const event of this.engine.events({
        ...(sinceMs === undefined ? {} : { sinceMs }),
        signal: abort.signal,
      }))
        events.push(event);
    })();
    return {
      events,
      stop: async () => {
        abort.abort();
        await done;
      },
    };
  }

  async clean(): Promise<void> {
    for (const { id } of await this.engine.list()) await this.engine.remove(id, { force: true });
    for (const { name } of await this.engine.listVolumes()) await this.engine.removeVolume(name);
    await this.engine.removeNetwork();
    await this.engine[Symbol.asyncDispose]();
  }
}

export async function text(lines: AsyncIterable<{ data: Buffer }>): Promise<string> {
  let all = '';
  for await (const { data } of lines) all += data.toString();
  return all;
}
