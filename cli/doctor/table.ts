import { styleText } from 'node:util';
import { printable } from '../bots/table.ts';
import { worstOf, type Check, type Status } from './check.ts';

const COLOURS = { ok: 'green', warn: 'yellow', bad: 'red' } as const satisfies Record<Status, string>;
const WIDEST_STATUS = 4;

/** The table: one line per check, its cure below it; the sum last. */
export function doctorTable(checks: readonly Check[], colour: boolean): string {
  const width = Math.max(0, ...checks.map(({ name }) => printable(name).length));
  const indent = ' '.repeat(WIDEST_STATUS + 2 + width + 2);
  const lines = checks.flatMap(({ name, status, detail, cure }) => [
    `${paint(status, colour)}  ${printable(name).padEnd(width)}  ${printable(detail)}`,
    ...(cure === undefined ? [] : [`${indent}→ ${printable(cure)}`]),
  ]);
  return [...lines, '', summary(checks)].join('\n');
}

export function summary(checks: readonly Check[]): string {
  const count = (status: Status): number => checks.filter((check) => check.status === status).length;
  const [warns, bads] = [count('warn'), count('bad')];
  switch (worstOf(checks)) {
    case 'ok':
      return `All ${checks.length} checks are ok.`;
    case 'warn':
      return `Nothing is bad; ${warns} of ${checks.length} checks could be better.`;
    case 'bad':
      return `${bads} of ${checks.length} checks ${bads === 1 ? 'is' : 'are'} bad, ${warns} could be better.`;
  }
}

function paint(status: Status, colour: boolean): string {
  const text = status.padEnd(WIDEST_STATUS);
  return colour ? styleText(COLOURS[status], text, { validateStream: false }) : text;
}
