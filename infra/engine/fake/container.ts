import type { ContainerDetail, ContainerSpec, ContainerView, LogLine } from '../port.ts';
import { signalOfExitCode } from '../signals.ts';
import { FakeFiles } from './files.ts';
import { type FakeProgram, programOf } from './program.ts';

const KEPT_LINES = 10_000;

export type TimedLine = LogLine & { atMs: number };

/** One fake container: its facts, its output, and the timers of the program it runs. */
export class FakeContainer {
  readonly id: string;
  readonly spec: ContainerSpec;
  readonly labels: Readonly<Record<string, string>>;
  readonly installation: string;
  readonly createdAtMs: number;
  readonly program: FakeProgram;
  readonly root = new FakeFiles();
  readonly lines: TimedLine[] = [];
  state: 'created' | 'running' | 'exited' = 'created';
  startedAtMs: number | undefined;
  finishedAtMs: number | undefined;
  exitCode: number | undefined;
  oomKilled = false;
  error: string | undefined;
  removed = false;
  readonly #watchers = new Set<() => void>();
  #timers: NodeJS.Timeout[] = [];

  constructor(
    id: string,
    installation: string,
    spec: ContainerSpec,
    labels: Record<string, string>,
    createdAtMs: number,
  ) {
    this.id = id;
    this.installation = installation;
    this.spec = spec;
    this.labels = labels;
    this.createdAtMs = createdAtMs;
    this.program = programOf(spec.command);
    for (const path of [
      '/tmp',
      ...spec.volumes.map((mount) => mount.path),
      ...spec.tmpfs.map((mount) => mount.path),
    ])
      this.root.makeDirectories(path);
  }

  later(ms: number, action: () => void): void {
    // Even with 0: a program never ends within the call that starts it.
    this.#timers.push(setTimeout(action, ms).unref());
  }

  clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }

  print(stream: 'stdout' | 'stderr', text: string, atMs: number): void {
    this.lines.push({ stream, data: Buffer.from(text), atMs });
    if (this.lines.length > KEPT_LINES) this.lines.shift();
    this.changed();
  }

  /** Calls `watcher` at every change (state, output, removal) until the answer is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  view(): ContainerView {
    return {
      id: this.id,
      name: this.spec.name,
      state: this.state,
      labels: this.labels,
      image: this.spec.image,
    };
  }

  detail(): ContainerDetail {
    const signal = this.exitCode === undefined ? undefined : signalOfExitCode(this.exitCode);
    return {
      ...this.view(),
      createdAtMs: this.createdAtMs,
      ...(this.startedAtMs === undefined ? {} : { startedAtMs: this.startedAtMs }),
      ...(this.finishedAtMs === undefined ? {} : { finishedAtMs: this.finishedAtMs }),
      ...(this.exitCode === undefined ? {} : { exitCode: this.exitCode }),
      ...(signal === undefined ? {} : { signal }),
      oomKilled: this.oomKilled,
      ...(this.error === undefined ? {} : { error: this.error }),
    };
  }
}
