export { checkEgress, type EgressHost, type EgressState, installEgress, removeEgress } from './filter.ts';
export { egressGate, type EgressDecision } from './gate.ts';
export { type EgressPlan, type EgressPlanInput, planEgressRules, resolversOf } from './plan.ts';
export { probeMetadata, type ProbeOptions, type ProbeResult } from './probe.ts';
