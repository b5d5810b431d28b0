import { DST_NIGHTS, type DstCase } from './dst-cases.ts';
import { timingOf } from './parse.ts';
import { nominalsBetween } from './timing.ts';

/** More than any case has. */
const LIMIT = 100;

/** What the parser makes of a case: UTC, in the cases' notation. */
export const dstAnswer = (zone: string, { cron, from, until }: DstCase): string[] =>
  nominalsBetween(timingOf(`CRON_TZ=${zone} ${cron}`), Date.parse(from), Date.parse(until), LIMIT).map(
    utcText,
  );

/** The cases of `dst-cases.ts` as a markdown table of the parser's answers. */
export function dstTable(): string {
  const lines = [
    '| zone and change of clocks | cron | nominal times: wall clock (UTC) | rule |',
    '|---|---|---|---|',
  ];
  for (const { zone, event, cases } of DST_NIGHTS)
    for (const [index, one] of cases.entries()) {
      const night = index === 0 ? `**${zone}**: ${event}` : '';
      const times = dstAnswer(zone, one).map((utc) => `${wallText(utc, zone)} (${shortUtc(utc)})`);
      lines.push(`| ${night} | \`${one.cron}\` | ${times.join('<br>')} | ${one.rule} |`);
    }
  return `${lines.join('\n')}\n`;
}

const WITHOUT_ZEROS = /(?::00)?\.000Z$/;

const utcText = (ms: number): string => new Date(ms).toISOString().replace(WITHOUT_ZEROS, 'Z');

/** `03-31 01:30Z` of `2024-03-31T01:30Z`: the year is the change's. */
const shortUtc = (utc: string): string => utc.slice('2024-'.length).replace('T', ' ');

function wallText(utc: string, zone: string): string {
  const wall = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const parts = Object.fromEntries(
    wall.formatToParts(Date.parse(utc)).map(({ type, value }) => [type, value]),
  );
  const { month = '', day = '', hour = '', minute = '', second = '' } = parts;
  return `${month}-${day} ${hour}:${minute}${second === '00' ? '' : `:${second}`}`;
}
