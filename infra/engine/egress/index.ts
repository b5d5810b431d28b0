export { checkEgress, type EgressState, installEgress, removeEgress } from './filter.ts';
export { IptablesError } from './iptables.ts';
export { keepClosed } from './keep-closed.ts';
export { egressGate, type EgressDecision } from './gate.ts';
export { type EgressPlan, planClosedRules, planEgressRules, resolversOf } from './plan.ts';
export { probeMetadata, type ProbeResult } from './probe.ts';
