/** Why a bot or a schedule is as it is, as the API tells it. */

/** `unknown`: what would tell could not be asked. */
export type ExplainedHealth = 'well' | 'waiting' | 'wanted' | 'trouble' | 'unknown';

/** One link of the chain. `obstacle`: whether things are held up here. */
export type ExplanationStep = {
  kind: StepKind;
  text: string;
  at?: Date | undefined;
  obstacle?: boolean;
  /** What the bot printed last, oldest first. */
  lines?: readonly string[];
};

export type StepKind =
  | 'event'
  | 'document'
  | 'hold'
  | 'restart'
  | 'schedule'
  | 'plan'
  | 'job'
  | 'lock'
  | 'container'
  | 'exit'
  | 'back-off'
  | 'state'
  | 'run';

export type Explanation = {
  id: string;
  /** One sentence: is it as it should be, and if not, why. */
  verdict: string;
  health: ExplainedHealth;
  /** In the order in which one thing leads to the next. */
  steps: ExplanationStep[];
  /** What happens next by itself; empty: nothing. */
  next: string;
  nextAt?: Date | undefined;
  /** What to do, most useful first. */
  cures: string[];
  /** What could not be looked at, and why. */
  unknown: string[];
  /** Of the trace of what was done last. */
  traceId?: string | undefined;
};
