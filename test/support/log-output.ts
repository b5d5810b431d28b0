import { randomBytes } from 'node:crypto';
import { logTimeOfMs } from '../../infra/engine/log-time.ts';
import type { ContainerDetail, ContainerState, Engine, LogLine } from '../../infra/engine/port.ts';
import type { LogStream } from '../../model/log-cursor.ts';
import { LABEL } from '../../model/labels.ts';

type Printing = { id: string; bot: string; kind: 'bot' | 'run'; state: ContainerState; entries: LogLine[] };

/** Output of containers, entry by entry as a test wants it, behind the few calls that logs need. */
export class Output {
  readonly containers = new Map<string, Printing>();
  /** How often each window was read: `tail`, or `all`. */
  readonly reads: (number | 'all')[] = [];

  container(bot: string, kind: 'bot' | 'run' = 'bot'): string {
    const id = randomBytes(32).toString('hex');
    this.containers.set(id, { id, bot, kind, state: 'running', entries: [] });
    return id;
  }

  get(id: string): Printing {
    const found = this.containers.get(id);
    if (found === undefined) throw new Error(`no container ${id}`);
    return found;
  }

  /** One entry, as it is. */
  entry(id: string, data: string | Buffer, atMs: number, stream: LogStream = 'stdout', nanos = 0): void {
    this.get(id).entries.push({ stream, time: logTimeOfMs(atMs, nanos), data: Buffer.from(data) });
  }

  /** The engine's own file has room for so many entries. */
  drop(id: string, count: number): void {
    this.get(id).entries.splice(0, count);
  }

  end(id: string): void {
    this.get(id).state = 'exited';
  }

  readonly engine: Pick<Engine, 'list' | 'logs' | 'inspect'> = {
    list: async ({ labels = {} } = {}) =>
      [...this.containers.values()].filter(({ bot }) => bot === labels[LABEL.id]).map(view),
    inspect: async (id) => {
      const found = this.containers.get(id);
      return found === undefined
        ? undefined
        : { ...view(found), createdAtMs: 0, oomKilled: false, addresses: {} };
    },
    logs: (id, { tail }) => this.#read(id, tail),
  };

  async *#read(id: string, tail: number | undefined): AsyncGenerator<LogLine> {
    this.reads.push(tail ?? 'all');
    const entries = this.get(id).entries.slice();
    for (const entry of tail === undefined ? entries : entries.slice(-tail)) yield entry;
  }
}

function view({
  id,
  bot,
  kind,
  state,
}: Printing): Pick<ContainerDetail, 'id' | 'name' | 'state' | 'labels' | 'image'> {
  return { id, name: id, state, labels: { [LABEL.id]: bot, [LABEL.kind]: kind }, image: 'image' };
}
