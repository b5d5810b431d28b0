import type { UsageReading } from '../../../model/usage.ts';
import type { ContainerDetail, ContainerSpec, ContainerView } from '../port.ts';
import { signalOfExitCode } from '../signals.ts';
import { FakeFiles } from './files.ts';
import { FakeOutput } from './output.ts';
import { type FakeProgram, programOf } from './program.ts';

/** One fake container: its facts, its output, and the timers of the program it runs. */
export class FakeContainer {
  readonly id: string;
  readonly spec: ContainerSpec;
  readonly labels: Readonly<Record<string, string>>;
  readonly installation: string;
  readonly createdAtMs: number;
  readonly program: FakeProgram;
  readonly root = new FakeFiles();
  /** Address by name of the network. */
  readonly networks = new Map<string, string>();
  readonly output: FakeOutput;
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
    this.output = new FakeOutput(spec.limits.logBytes);
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
    this.output.add(stream, text, atMs);
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

  /** A program uses 1 ms of a processor to begin with, and one that is busy all of one from then on. */
  usage(nowMs: number): UsageReading {
    const { memoryBytes: memoryLimitBytes, cpus: cpuLimitCores } = this.spec.limits;
    const busyMs = this.program.busy === true ? Math.max(0, nowMs - (this.startedAtMs ?? nowMs)) : 0;
    return {
      atMs: nowMs,
      cpuNanos: 1e6 * (1 + busyMs),
      memoryBytes: 8 * 1024 * 1024,
      memoryLimitBytes,
      cpuLimitCores,
      pids: 1,
      diskReadBytes: 0,
      diskWrittenBytes: 0,
      networkReceivedBytes: 0,
      networkSentBytes: 0,
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
      addresses: this.state === 'running' ? Object.fromEntries(this.networks) : {},
    };
  }
}
