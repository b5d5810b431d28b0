import { table, type Colour, type Look } from '../show/table.ts';
import type { AuditView } from './view.ts';

const HEAD = ['AT', 'WHO', 'ROLE', 'WHAT', 'TARGET', 'OUTCOME', 'WHY'] as const;

export const auditTable = (views: readonly AuditView[], look: Look): string =>
  table(
    HEAD,
    views.map((view) => ({
      cells: [
        view.at.replace('T', ' ').replace(/\.\d+Z$/, 'Z'),
        view.who,
        view.role,
        view.what.replace(/^\w+Service\//, ''),
        view.target ?? '-',
        view.outcome,
        [view.why, view.message].filter((part) => part !== null).join(' · '),
      ],
      painted: { column: HEAD.indexOf('OUTCOME'), colour: colourOf(view.outcome) },
    })),
    look,
  ).join('\n');

const colourOf = (outcome: string): Colour =>
  outcome === 'done' ? 'green' : outcome === 'begun' ? 'cyan' : 'red';
