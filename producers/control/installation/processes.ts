import { HEARTBEAT_LOST_MS } from '../../../infra/heartbeat.ts';
import type { Collections, ProcessDocument } from '../../../infra/mongo/collections.ts';
import type { ServerAnswer } from './servers.ts';

/** A process that lives, and what it does alone at present. */
export type LiveProcess = ProcessDocument & { leases: string[] };

const MAX_PROCESSES = 1_000;

/** Those that said so of late, by name. */
export async function liveProcesses(
  { processes, leases }: Pick<Collections, 'processes' | 'leases'>,
  now: Date,
): Promise<LiveProcess[]> {
  const [alive, held] = await Promise.all([
    processes
      .find({ seenAt: { $gt: new Date(now.getTime() - HEARTBEAT_LOST_MS) } })
      .limit(MAX_PROCESSES)
      .toArray(),
    // One for each thing that is done alone: a handful.
    leases.find({ until: { $gt: now } }).toArray(),
  ]);
  return alive
    .map((process) => ({
      ...process,
      // A holder's name is its process's with a suffix of its own.
      leases: held.filter(({ owner }) => owner.startsWith(`${process._id}/`)).map(({ _id }) => _id),
    }))
    .sort((one, other) => (one._id < other._id ? -1 : 1));
}

/** The engine, as those see it who hold its socket: nobody else may ask it. */
export function engineAsSeen(processes: readonly LiveProcess[]): ServerAnswer {
  const holders = processes.filter(({ engine }) => engine);
  const problems = holders.map(({ problems: all }) => all.find((text) => text.startsWith('engine:')));
  const answer = { name: 'engine', version: '' };
  if (holders.length === 0)
    return { ...answer, reachable: false, problem: 'no process that holds its socket is alive' };
  if (problems.includes(undefined)) return { ...answer, reachable: true, problem: '' };
  return { ...answer, reachable: false, problem: (problems[0] ?? '').replace(/^engine: */, '') };
}
