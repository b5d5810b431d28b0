import { GC_KINDS, type GcFindings } from '../../model/gc-report.ts';
import { printable, table, type Look } from '../show/table.ts';
import type { GcReport } from './sweep-once.ts';

const MOST_UNKNOWN_SHOWN = 20;

/** What `gc` prints. */
export function gcText(report: GcReport, look: Look): string {
  const { storage, engine, engineProblem, dryRun } = report;
  const isLook = dryRun || storage.stopped !== undefined;
  return [
    `Object storage: ${summary(storage, isLook)}`,
    ...partLines(storage, look),
    '',
    engine === null
      ? `Engine: ${printable(engineProblem ?? 'not looked at')}`
      : `Engine: ${summary(engine, isLook)}`,
    ...(engine === null ? [] : partLines(engine, look)),
    ...(dryRun ? [storage.stopped ?? '', howToGoOn(report)].filter(Boolean).map((line) => `\n${line}`) : []),
  ].join('\n');
}

/** What a person may do next; empty where a plain sweep does it, or there is nothing to do. */
export function howToGoOn({ storage, adoptOrphans }: GcReport): string {
  const { code, stopped, unknownCount } = storage;
  if (code !== undefined && (adoptOrphans || stopped !== undefined))
    return `If all of this may go: npx the0-runtime gc${adoptOrphans ? ' --adopt-orphans' : ''} --confirm ${code}`;
  return unknownCount > 0 && !adoptOrphans
    ? `What belongs to nobody that is known stays. To look at it: npx the0-runtime gc --adopt-orphans --dry-run`
    : '';
}

function summary(findings: GcFindings, isLook: boolean): string {
  const { counts } = findings;
  const kinds = GC_KINDS.flatMap((kind) => (counts[kind] === undefined ? [] : [`${counts[kind]} ${kind}`]));
  if (kinds.length === 0) return isLook ? 'nothing would go' : 'nothing went';
  const size = counts.objects === undefined ? '' : ` (${counts.objects} objects, ${counts.bytes ?? 0} bytes)`;
  return `${kinds.join(', ')}${size} ${isLook ? 'would go' : 'went'}`;
}

function partLines({ items, counts, problems, unknown, unknownCount }: GcFindings, look: Look): string[] {
  const all = GC_KINDS.reduce((sum, kind) => sum + (counts[kind] ?? 0), 0);
  return [
    ...(items.length === 0
      ? []
      : table(
          ['KIND', 'NAME', 'OBJECTS', 'BYTES', 'WHY'],
          items.map(({ kind, name, objects, bytes, why }) => ({
            cells: [kind, name, String(objects), String(bytes), why],
          })),
          look,
        )),
    ...(all > items.length ? [`and ${all - items.length} more`] : []),
    ...problems.map((problem) => `! ${printable(problem)}`),
    ...(unknownCount === 0
      ? []
      : [
          `${unknownCount} of nobody that is known, left alone: ${unknown
            .slice(0, MOST_UNKNOWN_SHOWN)
            .map(printable)
            .join(', ')}${unknownCount > MOST_UNKNOWN_SHOWN ? ', …' : ''}`,
        ]),
  ];
}
