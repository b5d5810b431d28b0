export const SERVER_KINDS = ['mongo', 'nats', 'redis', 's3'] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];

/** A server that we started, and that ends with us. */
export type RunningServer = AsyncDisposable & {
  readonly kind: ServerKind;
  readonly url: string;
  /** The settings that make the runtime use this server. */
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  /** Undefined while it is down, and for a server in a container. */
  readonly pid: number | undefined;
  readonly dataDir: string;
  /** Ends it in an orderly way (SIGTERM, after 10 s SIGKILL). The data stay. */
  stop(): Promise<void>;
  /** Sends a signal and does not wait, so that a test can break it: SIGKILL, SIGSTOP, SIGCONT. */
  kill(signal: NodeJS.Signals): void;
  /** Up again with the same port and data, ready when it resolves; stops it first if it runs. */
  restart(): Promise<void>;
};

export type StartOptions = {
  /** Directory of this server alone: data, log and pid file go there. */
  dir: string;
  /** Unset: a free one. */
  port?: number;
  /** Unset: found or installed. */
  binary?: string;
  /** More of its command line: a test wants a server with logins, say. */
  args?: readonly string[];
  /** Called with each step that takes time. */
  log?: (line: string) => void;
  /** Called when it ends although nobody stopped it. */
  onExit?: (how: string) => void;
};

/** Everything needed to run a server once: made anew for each attempt, since free ports can be taken meanwhile. */
export type ServerPlan = {
  args: readonly string[];
  url: string;
  env: Readonly<Record<string, string>>;
  port: number;
  /** Resolves when the server serves; rejects while it does not yet. Called again and again. */
  check: () => Promise<void>;
};

/** How a person is told of a step that takes time. */
export type Progress = (step: { what: string; detail: string; ms?: number }) => void;

export type Environment = Readonly<Record<string, string | undefined>>;
