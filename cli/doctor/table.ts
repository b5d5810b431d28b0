import { styleText } from 'node:util';
import { printable } from '../show/table.ts';
import { worstOf, type Check, type Status } from './check.ts';
import { cisTable, type CisRow } from './cis.ts';

const COLOURS = { ok: 'green', warn: 'yellow', bad: 'red' } as const satisfies Record<Status, string>;
const WIDEST_STATUS = 4;

/** The table: a heading for each group, one line per check, its cure below it; the section of CIS; the sum last. */
export function doctorTable(checks: readonly Check[], cis: readonly CisRow[], colour: boolean): string {
  const width = Math.max(0, ...checks.map(({ name }) => printable(name).length));
  const indent = ' '.repeat(WIDEST_STATUS + 2 + width + 2);
  const lines = checks.flatMap(({ name, status, detail, cure, group }, index) => [
    ...(group === undefined || group === checks[index - 1]?.group ? [] : heading(group, index, colour)),
    `${paint(status, colour)}  ${printable(name).padEnd(width)}  ${printable(detail)}`,
    ...(cure === undefined ? [] : [`${indent}→ ${printable(cure)}`]),
  ]);
  const section = cis.length === 0 ? [] : [...heading(CIS, 1, colour), ...cisTable(cis)];
  return [...lines, ...section, '', summary(checks)].join('\n');
}

const CIS = 'CIS Docker Benchmark, section 5, over the containers of this installation';

const heading = (text: string, index: number, colour: boolean): string[] => [
  ...(index === 0 ? [] : ['']),
  colour ? styleText('bold', text, { validateStream: false }) : text,
];

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
