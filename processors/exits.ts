import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerDetail, Engine } from '../infra/engine/port.ts';
import type { LastExit } from '../model/status.ts';
import { startFailure } from './entrypoints/start-failure.ts';

const MAX_LINE_LENGTH = 1_000;
const MAX_OUTPUT_MS = 3_000;
const KILLED = 137;
const OOM_TOLD_WITHIN_MS = 200;

/** How a container ended, with its last lines of output. Never fails for want of output: evidence is best effort. */
export async function exitOf(
  engine: Engine,
  container: ContainerDetail,
  options: { requested: boolean; lastOutputLines: number; now: Date },
): Promise<LastExit> {
  const at = container.finishedAtMs === undefined ? options.now : new Date(container.finishedAtMs);
  const startedAtMs = container.startedAtMs ?? at.getTime();
  const [output, oomKilled] = await Promise.all([
    lastOutput(engine, container.id, options.lastOutputLines),
    options.requested ? container.oomKilled : wasOutOfMemory(engine, container),
  ]);
  return {
    at,
    exitCode: container.exitCode ?? -1,
    ...(container.signal === undefined ? {} : { signal: container.signal }),
    oomKilled,
    upSeconds: Math.max(0, Math.round((at.getTime() - startedAtMs) / 1000)),
    containerId: container.id,
    lastOutput: output,
    requested: options.requested,
  };
}

/** Docker hears that memory ran out apart from the end, and maybe a moment after it. */
async function wasOutOfMemory(engine: Engine, container: ContainerDetail): Promise<boolean> {
  if (container.oomKilled || container.exitCode !== KILLED) return container.oomKilled;
  await sleep(OOM_TOLD_WITHIN_MS);
  return (await engine.inspect(container.id).catch(() => undefined))?.oomKilled ?? false;
}

async function lastOutput(engine: Engine, containerId: string, lines: number): Promise<string[]> {
  if (lines === 0) return [];
  let text = '';
  try {
    const signal = AbortSignal.timeout(MAX_OUTPUT_MS);
    for await (const chunk of engine.logs(containerId, { tail: lines, signal }))
      text += chunk.data.toString('utf8');
  } catch {
    // The log may be gone or late; what was read so far is kept, and the exit is recorded all the same.
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .slice(-lines)
    .map((line) => (startFailure(line) ?? line).slice(0, MAX_LINE_LENGTH));
}

/** The exit in plain words, for `reason`. */
export function exitInWords(exit: LastExit): string {
  const after = `after ${inWords(exit.upSeconds)}`;
  if (exit.oomKilled) return `It ran out of memory and was killed ${after}`;
  if (exit.signal !== undefined) return `It was ended by ${exit.signal} ${after}`;
  if (exit.exitCode === 0) return `It ended by itself (exit code 0) ${after}`;
  return `It crashed with exit code ${exit.exitCode} ${after}`;
}

export function inWords(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
