import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { isAlive } from '../../bin/lock.mjs';
import { ensureImages } from '../../infra/images/ensure.ts';
import { ensureEngine } from '../../infra/local/engine.ts';
import { ensureServers } from '../../infra/local/ensure.ts';
import type { Progress } from '../../infra/local/types.ts';
import { messageOf } from '../../infra/message-of.ts';

/** What every test file may `inject('shared')`; `test/support/servers.ts` makes it comfortable. */
export type SharedServers = {
  /** Settings that name the servers, as the runtime reads them. */
  env: Readonly<Record<string, string>>;
  /** Undefined with the reason beside it where there is no engine: only the tests that need it fail. */
  dockerHost: string | undefined;
  engineProblem: string | undefined;
  /** Directory of this run, removed at its end. */
  dir: string;
};

declare module 'vitest' {
  interface ProvidedContext {
    shared: SharedServers;
  }
}

const PREFIX = 'the0-test-';

type Run = { shared: SharedServers; stop: () => Promise<void> };

// Each project loads this module anew, and all of a run share one set of servers.
const holder = globalThis as typeof globalThis & { the0TestRun?: { run: Promise<Run>; users: number } };

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const current = (holder.the0TestRun ??= { run: bringUp(), users: 0 });
  current.users += 1;
  const { shared, stop } = await current.run;
  project.provide('shared', shared);
  return async () => {
    current.users -= 1;
    if (current.users > 0) return;
    delete holder.the0TestRun;
    await stop();
  };
}

async function bringUp(): Promise<Run> {
  sweep();
  const dir = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const begun = Date.now();
  // Whatever servers the developer has configured are none of the tests' business.
  const { env, stop } = await ensureServers({
    dir,
    environment: withoutServers(process.env),
    progress: quiet,
    ports: 'free',
  });
  const engine = await bringUpEngine();
  console.error(`Test servers are up after ${((Date.now() - begun) / 1000).toFixed(1)} s, logs in ${dir}`);
  return {
    shared: { env, dir, ...engine },
    stop: async () => {
      await stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Removes what runs left behind that were killed: their servers died with them, their data did not. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (Number.isInteger(pid) && !isAlive({ pid }))
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

async function bringUpEngine(): Promise<Pick<SharedServers, 'dockerHost' | 'engineProblem'>> {
  try {
    const { dockerHost } = await ensureEngine({ progress: loud });
    const images = await ensureImages({ progress: loud, dockerHost });
    for (const { reference, outcome, reason } of images)
      if (outcome === 'missing') console.error(`Image ${reference} is missing: ${reason ?? ''}`);
    return { dockerHost, engineProblem: undefined };
  } catch (error) {
    console.error(messageOf(error));
    return { dockerHost: undefined, engineProblem: messageOf(error) };
  }
}

const say: Progress = ({ what, detail, ms }) =>
  console.error(`${what}: ${detail}${ms === undefined ? '' : ` (${(ms / 1000).toFixed(1)} s)`}`);
/** Finding and starting takes no time worth a line; installing does. */
const quiet: Progress = (step) => void (step.detail.startsWith('installed') && say(step));
const loud: Progress = (step) => void ((step.ms ?? 1000) >= 500 && say(step));

const SERVER_SETTINGS = ['MONGO_URI', 'NATS_URL', 'REDIS_URL', 'S3_ENDPOINT', 'MINIO_ENDPOINT'];

function withoutServers(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !SERVER_SETTINGS.includes(name.replace(/_FILE$/, ''))),
  );
}
