/**
 * `held`: it was tried in vain. `open`: it was not. `missing`: the host lacks what would hold it, and something else stands in
 * or nothing does. `unknown`: it could not be tried.
 */
export const OUTCOMES = ['held', 'missing', 'unknown', 'open'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const ROW_GROUPS = [
  'Reaching others',
  'Writing where it must not',
  'Taking all there is',
  'Reading secrets',
  'Gaining privileges',
  'What the host has to hold it with',
] as const;
export type RowGroup = (typeof ROW_GROUPS)[number];

export type Row = { group: RowGroup; name: string; outcome: Outcome; detail: string; cure?: string };

/** A row without its group, which whoever gathers them knows. */
export type Judged = Omit<Row, 'group'>;

export const held = (name: string, detail: string): Judged => ({ name, outcome: 'held', detail });
export const open = (name: string, detail: string, cure: string): Judged => ({
  name,
  outcome: 'open',
  detail,
  cure,
});
export const missing = (name: string, detail: string, cure: string): Judged => ({
  name,
  outcome: 'missing',
  detail,
  cure,
});
export const unknown = (name: string, detail: string): Judged => ({ name, outcome: 'unknown', detail });

/** The worst of all: what is open, else what could not be tried, else what the host lacks. */
export function worstOutcome(rows: readonly Pick<Row, 'outcome'>[]): Outcome {
  return OUTCOMES.findLast((outcome) => rows.some((row) => row.outcome === outcome)) ?? 'held';
}
