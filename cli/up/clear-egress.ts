import type { Settings } from '../../infra/config/settings.ts';
import type { CallOptions, Engine } from '../../infra/engine/port.ts';
import { openEngine } from '../doctor/engine.ts';
import { removeRules } from '../egress.ts';
import { explainFailure } from '../errors.ts';

export type ClearOptions = CallOptions & {
  isRoot?: () => boolean;
  open?: (settings: Settings) => Engine;
  remove?: (settings: Settings) => Promise<void>;
};

/**
 * Removes the installation's egress rules, unless containers of it still run: those keep their filter. Returns what to
 * tell the person where it failed; never rejects. Without root, or where somebody else filters, there are none of ours.
 */
export async function clearEgress(
  settings: Settings,
  options: ClearOptions = {},
): Promise<string | undefined> {
  const isRoot = options.isRoot ?? (() => process.getuid?.() === 0);
  if (settings.EGRESS_FILTER === 'off' || !isRoot()) return undefined;
  try {
    const engine = (options.open ?? openEngine)(settings);
    await using _ = engine;
    const containers = await engine.list({}, options.signal === undefined ? {} : { signal: options.signal });
    if (containers.some(({ state }) => state !== 'exited' && state !== 'created' && state !== 'dead'))
      return undefined;
    await (options.remove ?? removeRules)(settings);
    return undefined;
  } catch (error) {
    return `The egress rules could not be removed (later: INSTALLATION=${settings.INSTALLATION} npx the0-runtime network remove): ${explainFailure(error).message}`;
  }
}
