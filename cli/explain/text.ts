import type { ExplainedHealth } from '../../producers/control/explain/explanation.ts';
import type { ExplainedStep, ExplanationView } from '../client/views/explanation-view.ts';
import { relative } from '../show/relative-time.ts';
import { paint, printable, type Colour, type Look } from '../show/table.ts';
import { wrapped } from '../show/wrapped.ts';

const COLOURS: Readonly<Record<ExplainedHealth, Colour>> = {
  well: 'green',
  waiting: 'cyan',
  wanted: 'gray',
  trouble: 'red',
  unknown: 'yellow',
};

/** Of a terminal whose width is not known. */
const USUAL_COLUMNS = 100;
/** So much of what it printed is enough here. */
const LINES = 10;

/** The chain, each link with its age; where things are held up is marked. Then what comes next, and what to do. */
export function explanationText(told: ExplanationView, look: Look): string {
  const columns = look.columns ?? USUAL_COLUMNS;
  const kinds = Math.max(0, ...told.steps.map(({ kind }) => kind.length));
  const ages = Math.max(0, ...told.steps.map(({ at }) => ageOf(at, look).length));
  const stepLines = (step: ExplainedStep): string[] => {
    const head = `${step.kind.padEnd(kinds)}  ${ageOf(step.at, look).padEnd(ages)}  `;
    const indent = 2 + head.length;
    const [first = '', ...rest] = wrapped(printable(step.text), columns - indent);
    const line = `${step.obstacle ? '✖' : ' '} ${head}${first}`;
    return [
      step.obstacle ? paint('red', line, look) : line,
      ...rest.map((text) => `${' '.repeat(indent)}${text}`),
      ...step.lines.slice(-LINES).map((text) => `${' '.repeat(indent)}| ${printable(text)}`),
    ];
  };
  return [
    `${paint(COLOURS[told.health], told.health, look)}  ${wrapped(printable(told.verdict), columns - told.health.length - 2).join(`\n${' '.repeat(told.health.length + 2)}`)}`,
    '',
    ...told.steps.flatMap(stepLines),
    ...section('next', told.next === '' ? [] : [nextText(told, look)], columns),
    ...section('what to do', told.cures, columns),
    ...section('not known', told.unknown, columns),
  ].join('\n');
}

const ageOf = (at: string | null, look: Look): string => (at === null ? '' : relative(at, look.nowMs));

const nextText = ({ next, nextAt }: ExplanationView, look: Look): string =>
  nextAt === null ? next : `${next} (${relative(nextAt, look.nowMs)}, ${nextAt})`;

const section = (heading: string, texts: readonly string[], columns: number): string[] =>
  texts.length === 0
    ? []
    : [
        '',
        heading,
        ...texts.flatMap((text) =>
          wrapped(printable(text), columns - 4).map((line, at) => `  ${at === 0 ? '-' : ' '} ${line}`),
        ),
      ];
