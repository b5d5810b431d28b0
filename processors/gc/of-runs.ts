import type { RunSweep } from '../runs/sweep.ts';
import type { Step } from './step.ts';

/** Removes what runs that are over left, because the processor that watched them died just then. */
export async function sweepRuns(
  { findings }: Step,
  runs: Pick<RunSweep, 'sweep'>,
  signal: AbortSignal,
): Promise<void> {
  const { containers, volumes } = await runs.sweep(signal);
  for (const [name, amount] of [
    ['containers', containers],
    ['launch volumes', volumes],
  ] as const)
    if (amount > 0)
      findings.add({ kind: 'run-leftover', name: `${amount} ${name}`, why: 'their runs are over' });
}
