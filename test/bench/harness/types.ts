import type { FakeEngine } from '../../../infra/engine/fake/index.ts';
import type { Engine } from '../../../infra/engine/port.ts';
import type { RunningServer, ServerKind } from '../../../infra/local/types.ts';
import type { TestServers } from '../../support/servers.ts';

/** What a figure must keep; `of` says which of its two numbers is meant (default: `value`). */
export type Limit = { of?: 'value' | 'ratio' } & ({ atMost: number } | { atLeast: number });

/** One measured number with all its runs. */
export type Figure = {
  /** Within its bench: `p50`, `idle memory`. */
  name: string;
  /** Usually the median of `runs`. */
  value: number;
  unit: string;
  /** What the same work costs without us, measured side by side in the same run. */
  anchor?: { what: string; value: number };
  /** `value ÷ anchor`, as the median over the runs where there are several. */
  ratio?: number;
  /** Unset: reported, and no goal of its own. */
  limit?: Limit;
  runs: readonly number[];
};

/** One file of this folder exports one of these as `bench`. */
export type Bench = {
  name: string;
  /** In words, as the table of results shows it. */
  goal: string;
  /** The first figure is the headline. */
  run(context: BenchContext): Promise<Figure[]>;
};

/** Servers of one bench alone; the shape of `TestServers`, so that `test/support` works with them. */
export type BenchServers = TestServers & {
  readonly running: Readonly<Partial<Record<ServerKind, RunningServer>>>;
};

/** A Node process of ours. */
export type NodeProcess = {
  readonly pid: number;
  /** Resolves with the next line of its standard output that passes; rejects when it ends before. */
  line(check: (line: string) => boolean, timeoutMs?: number): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when it has ended, however that was. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Everything it wrote, for messages. */
  output(): string;
};

export type NodeProcessOptions = {
  /** Path from the root of the tree. */
  script: string;
  args?: readonly string[];
  /** Added to a bare environment (PATH, HOME), so that a developer's settings change no figure. */
  environment?: Readonly<Record<string, string>>;
  nodeOptions?: readonly string[];
  /** Called with what it writes to standard error. */
  onErrorText?: (text: string) => void;
};

/** What a bench works with. Everything it hands out is stopped and removed at the end, also after a failure or Ctrl-C. */
export type BenchContext = {
  /** Temporary; gone at the end. */
  readonly dir: string;
  readonly signal: AbortSignal;
  /** Progress for whoever watches; standard output is for the JSON line alone. */
  readonly say: (line: string) => void;
  /** Starts servers of its own. What is not named has no setting either (no `nats`: no events). */
  readonly servers: (...kinds: readonly ServerKind[]) => Promise<BenchServers>;
  /** In this process. */
  readonly fakeEngine: (installation: string, options?: { latencyMs?: number }) => FakeEngine;
  /** In a process of its own, with `python:3.11-slim`; `connect` with `connectFakeEngine` from anywhere. */
  readonly remoteFakeEngine: (
    installation: string,
  ) => Promise<{ engine: FakeEngine; url: string; pid: number }>;
  /** The real engine; everything of the installation is removed at the end. */
  readonly dockerEngine: (installation: string) => Promise<{ engine: Engine; dockerHost: string }>;
  readonly node: (options: NodeProcessOptions) => NodeProcess;
  /** Runs `work` with a context of its own, undone when it ends: one clean slate for each run. */
  readonly within: <T>(work: (context: BenchContext) => Promise<T>) => Promise<T>;
  /** Runs at the end, last registered first. */
  readonly atEnd: (what: string, cleanup: () => Promise<unknown>) => void;
};
