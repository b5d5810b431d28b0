import type { PageKey } from '../page-token.ts';
import { PARTS } from './parts.ts';
import type { ViewPhase } from './view.ts';

export const SCHEDULE_ORDERS = ['trouble', 'id', 'name', 'next'] as const;
export type ScheduleOrder = (typeof SCHEDULE_ORDERS)[number];

/** One schedule in a list: its id, and by what the list is ordered. */
export type Entry = { id: string; key: PageKey };

/** What an order goes by. */
export type Row = {
  id: string;
  phase: ViewPhase;
  failing: boolean;
  name: string | null;
  nextAt: Date | undefined;
};

/** By id among equals; who has no name, or no next time, stands last. */
export function keyOf(order: ScheduleOrder, { id, phase, failing, name, nextAt }: Row): PageKey {
  switch (order) {
    case 'trouble':
      return [rankOf(phase, failing), id];
    case 'id':
      return [id];
    case 'name':
      return [name?.toLowerCase() ?? null, id];
    case 'next':
      return [nextAt?.getTime() ?? null, id];
  }
}

const rankOf = (phase: ViewPhase, failing: boolean): number =>
  PARTS.findIndex((part) => part.phase === phase && (part.failing ?? failing) === failing);

export function compareKeys(one: PageKey, other: PageKey): number {
  for (const [at, mine] of one.entries()) {
    const its = other[at] ?? null;
    if (mine === its) continue;
    if (mine === null) return 1;
    if (its === null) return -1;
    return mine < its ? -1 : 1;
  }
  return 0;
}
