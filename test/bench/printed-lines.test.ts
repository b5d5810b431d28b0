import { expect, it } from 'vitest';
import { storedLine } from '../../model/log-lines.ts';
import { LineLedger, printedLine, printedOfStored, readPrinted } from './printed-lines.ts';

const AT = Date.UTC(2026, 10, 24);
const TIME = '2026-11-24T00:00:00.000000000Z';
const lines = (...numbers: number[]): string[] => numbers.map((n) => printedLine(n, AT));
const findings = (printed: readonly (string | undefined)[], total: number) => {
  const ledger = new LineLedger();
  for (const line of printed) ledger.take(line);
  return ledger.findings(total);
};

it.each([1, 5, 64, 100])('line %i is read again as it was printed, also out of a log', (n) => {
  const line = printedLine(n, AT);
  expect(readPrinted(line)).toEqual({ n, atMs: AT });
  const stored = storedLine(Buffer.from(`${line}\n`), TIME)?.toString() ?? '';
  expect(printedOfStored(stored)).toBe(line);
});

it('finds nothing wrong where nothing is', () => {
  expect(findings(lines(1, 2, 3, 4, 5, 6), 6)).toEqual({
    lost: 0,
    lostAtEnd: 0,
    doubled: 0,
    broken: [],
    disordered: 0,
    marks: [],
  });
});

it('finds what is lost, at the end too, doubled and out of order', () => {
  expect(findings(lines(1, 3, 2, 4, 4, 4, 7), 9)).toMatchObject({
    lost: 4,
    lostAtEnd: 2,
    doubled: 2,
    disordered: 1,
  });
});

it('finds lines that were cut, joined or changed, and lines of the runtime', () => {
  const [first = '', second = ''] = lines(3, 4);
  const broken = [first.slice(0, -3), `${first}${second}`, first.replace('xx', 'x'), undefined];
  const [object = ''] = lines(5);
  const rounded = object.replace('9007199254740993', '9007199254740992');
  expect(findings([...broken, rounded, '[the0] lost some', ''], 0)).toMatchObject({
    broken: [...broken.slice(0, 3), 'no JSON', rounded],
    marks: ['[the0] lost some'],
  });
});
