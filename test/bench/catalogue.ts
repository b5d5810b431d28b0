import type { Bench } from './harness/index.ts';

/** Every bench by name, loaded when it is run. In the order in which `npm run bench` runs them. */
export const BENCHES: Readonly<Record<string, () => Promise<{ bench: Bench }>>> = {
  reaction: () => import('./reaction.ts'),
  transitions: () => import('./transitions.ts'),
  starts: () => import('./starts.ts'),
  plan: () => import('./plan.ts'),
  footprint: () => import('./footprint.ts'),
  takeover: () => import('./takeover.ts'),
  rebuild: () => import('./rebuild.ts'),
  outages: () => import('./outages.ts'),
};
