import type { Engine } from '../../infra/engine/port.ts';
import { inStep } from '../../infra/tracing/tracing.ts';
import { PATHS } from '../entrypoints/paths.ts';
import { tarOf } from '../entrypoints/tar.ts';
import type { LaunchPlan } from '../entrypoints/types.ts';
import { together } from './together.ts';

/**
 * Puts into a container that was just created what it needs before it may start: its state, by `state`, and launcher and
 * config. These lie on two volumes, and each write costs the engine 50 ms, however little it is: they go side by side. The
 * config goes through the bot's own container, by its id: once that is gone, nobody who comes late can write it any more.
 */
export async function fillContainer(
  engine: Engine,
  containerId: string,
  launch: LaunchPlan,
  options: { state: (signal: AbortSignal) => Promise<void>; signal: AbortSignal },
): Promise<void> {
  await together(options.signal, [
    (signal) => inStep('state', () => options.state(signal)),
    async (signal) => engine.writeArchive(containerId, PATHS.run, await tarOf(launch.files), { signal }),
  ]);
}
