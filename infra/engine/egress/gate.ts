import type { EgressState } from './filter.ts';
import type { ProbeResult } from './probe.ts';

/** `probed`: a container was started to find out. */
export type EgressDecision = { allowed: boolean; reason: string; probed?: true };

export type EgressGateInput = {
  state: EgressState;
  /** ALLOW_UNFILTERED_EGRESS. */
  allowUnfiltered: boolean;
  /** Run only where it decides. */
  probe: () => Promise<ProbeResult>;
};

const CURE =
  'have the rules installed (as root, with iptables and EGRESS_FILTER=auto), filter the metadata address otherwise, or set ALLOW_UNFILTERED_EGRESS=1';

/** Whether bots may be started, and why, in the words of a bot's status. Without rules and without certainty they may not. */
export async function egressGate(input: EgressGateInput): Promise<EgressDecision> {
  const { state, allowUnfiltered, probe } = input;
  if (state.filtered) return { allowed: true, reason: 'egress is filtered' };
  const unfiltered = `egress is not filtered (${state.reason})`;
  if (allowUnfiltered) return { allowed: true, reason: `${unfiltered}; ALLOW_UNFILTERED_EGRESS=1` };
  const result = await probe();
  if (result === 'unreachable')
    return {
      allowed: true,
      reason: `${unfiltered}, and the metadata address cannot be reached from a container`,
      probed: true,
    };
  if (result === 'reachable')
    return {
      allowed: false,
      reason: `${unfiltered}, and a container can reach the metadata address 169.254.169.254: ${CURE}`,
      probed: true,
    };
  return {
    allowed: false,
    reason: `${unfiltered}, and whether a container can reach the metadata address could not be found out (${result.unknown}): ${CURE}`,
    probed: true,
  };
}
