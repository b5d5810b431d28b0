import type { Logger } from '../../logger.ts';
import { checkEgress, installEgress, type EgressHost } from './filter.ts';
import { planClosedRules } from './plan.ts';

/** Other software may flush the rules at any time. */
const BELIEVED_MS = 10_000;

/**
 * Puts and keeps the rules of a closed bridge in force, looked at again after some seconds. Where this process cannot, it
 * says so once: an internal network reaches nothing through the host then either, but what listens on the host itself.
 */
export function keepClosed(options: {
  installation: string;
  log: Logger;
  host?: EgressHost;
  monotonicMs?: () => number;
}): (bridge: string) => Promise<void> {
  const { installation, log, host = {}, monotonicMs = () => performance.now() } = options;
  const believedUntil = new Map<string, number>();
  let said: string | undefined;
  return async (bridge) => {
    if ((believedUntil.get(bridge) ?? 0) > monotonicMs()) return;
    const plan = planClosedRules({ installation, bridge });
    const found = await checkEgress(plan, host);
    const state = found.filtered ? found : await installEgress(plan, host);
    if (state.filtered) believedUntil.set(bridge, monotonicMs() + BELIEVED_MS);
    const reason = state.filtered ? undefined : state.reason;
    if (reason !== undefined && reason !== said)
      log.warn(
        { bridge, reason },
        'Query programs can reach what listens on this host: their network is not filtered',
      );
    said = reason;
  };
}
