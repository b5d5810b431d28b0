export { checkEgress, type EgressState, installEgress, removeEgress } from './filter.ts';
export { IptablesError } from './iptables.ts';
export { egressGate, type EgressDecision } from './gate.ts';
export { type EgressPlan, planEgressRules, resolversOf } from './plan.ts';
export { probeMetadata } from './probe.ts';
