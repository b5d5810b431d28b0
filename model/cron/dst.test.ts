import { describe, expect, it } from 'vitest';
import { DST_NIGHTS } from './dst-cases.ts';
import { dstAnswer, dstTable } from './dst-table.ts';
import { timingOf } from './parse.ts';

const cases = DST_NIGHTS.flatMap(({ zone, event, cases }) => cases.map((one) => ({ zone, event, ...one })));

describe('changes of clocks', () => {
  it.each(cases)('$zone, $event: $cron ($rule)', ({ zone, expected, ...one }) => {
    expect(dstAnswer(zone, { expected, ...one })).toEqual(expected);
  });

  it.each(cases)('backwards, $zone, $event: $cron', ({ zone, cron, from, until, expected }) => {
    const timing = timingOf(`CRON_TZ=${zone} ${cron}`);
    const found: number[] = [];
    let at = timing.previous(Date.parse(until));
    while (at !== undefined && at > Date.parse(from)) {
      found.unshift(at);
      at = timing.previous(at - 1);
    }
    expect(found).toEqual(expected.map((utc) => Date.parse(utc)));
  });

  // Where cron-parser's own search doubles or loses a tick, since it knows a change of clocks only if it walked across it.
  it('do not matter to where a search begins', () => {
    const daily = timingOf('CRON_TZ=Europe/Berlin 30 2 * * *');
    const autumn = Date.parse('2024-10-27T00:30Z');
    for (const inSecondPass of ['2024-10-27T01:00Z', '2024-10-27T01:10Z', '2024-10-27T01:30Z'])
      expect(daily.previous(Date.parse(inSecondPass))).toBe(autumn);
    expect(daily.next(Date.parse('2024-10-27T01:10Z'))).toBe(Date.parse('2024-10-28T01:30Z'));
    const spring = Date.parse('2024-03-31T01:30Z');
    for (const inLanding of ['2024-03-31T00:59:59Z', '2024-03-31T01:00Z', '2024-03-31T01:29:59Z'])
      expect(daily.next(Date.parse(inLanding))).toBe(spring);
  });
});

describe('dstTable', () => {
  it('has a row for each case, with its wall times and UTC', () => {
    const rows = dstTable().trimEnd().split('\n').slice(2);
    expect(rows).toHaveLength(cases.length);
    expect(rows[0]).toBe(
      '| **Europe/Berlin**: 31 March 2024, 02:00 becomes 03:00: 02:30 does not exist | `30 2 * * *` | ' +
        '03-31 03:30 (03-31 01:30Z)<br>04-01 02:30 (04-01 00:30Z) | moved by the hour that was left out |',
    );
    for (const [index, { cron, expected }] of cases.entries()) {
      expect(rows[index]).toContain(`\`${cron}\``);
      for (const utc of expected) expect(rows[index]).toContain(utc.slice(5).replace('T', ' '));
    }
  });
});
