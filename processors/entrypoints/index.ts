import { dotnet8 } from './dotnet.ts';
import { LaunchRefused, shown } from './errors.ts';
import { scala3 } from './java.ts';
import { gcc13, ghc96, rustStable } from './native.ts';
import { nodejs20 } from './node.ts';
import { python311 } from './python.ts';
import type { Runtime } from './types.ts';

/** Every runtime there is: a new one is a file beside this and a line here. */
const ALL: readonly Runtime[] = [python311, nodejs20, rustStable, gcc13, ghc96, scala3, dotnet8];

const byId: ReadonlyMap<string, Runtime> = new Map(
  ALL.flatMap((runtime) => [runtime.id, ...runtime.aliases].map((id) => [id, runtime] as const)),
);

/** The ids that `runtime` in bot-config.yaml may have, aliases included. */
export const RUNTIME_IDS: readonly string[] = [...byId.keys()];

/** The runtime of an id or alias. Throws `LaunchRefused` (`unknown_runtime`). */
export function runtimeOf(id: unknown): Runtime {
  const runtime = typeof id === 'string' ? byId.get(id) : undefined;
  if (runtime !== undefined) return runtime;
  const field = 'custom.config.runtime';
  const what =
    id === undefined || id === null || id === ''
      ? `${field} is missing`
      : `${field} is ${shown(id)}, which is unknown`;
  throw new LaunchRefused('unknown_runtime', field, `${what}: use one of ${RUNTIME_IDS.join(', ')}`);
}
