import { NIGHTS_ELSEWHERE } from './dst-cases-elsewhere.ts';

/** What a change of clocks does to a cron: proven by `dst.test.ts`, and printed into the README from the parser's answers. */
export type DstCase = {
  cron: string;
  /** Nominal times in (from, until], UTC. */
  from: string;
  until: string;
  expected: readonly string[];
  /** Why these, in a few words. */
  rule: string;
};

export type DstNight = {
  zone: string;
  /** What the clocks do, and when. */
  event: string;
  cases: readonly DstCase[];
};

const BERLIN_SPRING: DstNight = {
  zone: 'Europe/Berlin',
  event: '31 March 2024, 02:00 becomes 03:00: 02:30 does not exist',
  cases: [
    {
      cron: '30 2 * * *',
      from: '2024-03-30T12:00Z',
      until: '2024-04-01T12:00Z',
      expected: ['2024-03-31T01:30Z', '2024-04-01T00:30Z'],
      rule: 'moved by the hour that was left out',
    },
    {
      cron: '0 2,3 * * *',
      from: '2024-03-30T12:00Z',
      until: '2024-03-31T12:00Z',
      expected: ['2024-03-31T01:00Z'],
      rule: 'moved onto another time of the same cron: one tick',
    },
    {
      cron: '0 */2 * * *',
      from: '2024-03-30T22:30Z',
      until: '2024-03-31T04:30Z',
      expected: ['2024-03-30T23:00Z', '2024-03-31T01:00Z', '2024-03-31T02:00Z', '2024-03-31T04:00Z'],
      rule: 'certain hours: 02:00 is moved to 03:00',
    },
    {
      cron: '*/20 2 * * *',
      from: '2024-03-30T12:00Z',
      until: '2024-03-31T12:00Z',
      expected: ['2024-03-31T01:00Z', '2024-03-31T01:20Z', '2024-03-31T01:40Z'],
      rule: 'the whole hour is moved',
    },
    {
      cron: '30 * * * *',
      from: '2024-03-30T23:00Z',
      until: '2024-03-31T03:00Z',
      expected: ['2024-03-30T23:30Z', '2024-03-31T00:30Z', '2024-03-31T01:30Z', '2024-03-31T02:30Z'],
      rule: 'every hour: an hour of real time apart',
    },
    {
      cron: '*/15 * * * *',
      from: '2024-03-31T00:29Z',
      until: '2024-03-31T01:20Z',
      expected: ['2024-03-31T00:30Z', '2024-03-31T00:45Z', '2024-03-31T01:00Z', '2024-03-31T01:15Z'],
      rule: 'every hour: a quarter of real time apart',
    },
    {
      cron: '*/20 * * * * *',
      from: '2024-03-31T00:59:20Z',
      until: '2024-03-31T01:00:20Z',
      expected: ['2024-03-31T00:59:40Z', '2024-03-31T01:00Z', '2024-03-31T01:00:20Z'],
      rule: 'every hour: seconds go on',
    },
    {
      cron: '@every 45m',
      from: '2024-03-31T00:00Z',
      until: '2024-03-31T02:30Z',
      expected: ['2024-03-31T00:45Z', '2024-03-31T01:30Z', '2024-03-31T02:15Z'],
      rule: 'counts real time since 1970: clocks do not matter',
    },
  ],
};

const BERLIN_AUTUMN: DstNight = {
  zone: 'Europe/Berlin',
  event: '27 October 2024, 03:00 becomes 02:00: 02:30 comes twice',
  cases: [
    {
      cron: '30 2 * * *',
      from: '2024-10-26T12:00Z',
      until: '2024-10-28T12:00Z',
      expected: ['2024-10-27T00:30Z', '2024-10-28T01:30Z'],
      rule: 'once, the first time that it comes',
    },
    {
      cron: '30 1-3 * * *',
      from: '2024-10-26T22:00Z',
      until: '2024-10-27T03:00Z',
      expected: ['2024-10-26T23:30Z', '2024-10-27T00:30Z', '2024-10-27T02:30Z'],
      rule: 'certain hours: each once, so there is a pause of two hours',
    },
    {
      cron: '0 3 * * *',
      from: '2024-10-26T12:00Z',
      until: '2024-10-27T12:00Z',
      expected: ['2024-10-27T02:00Z'],
      rule: '03:00 is reached once only',
    },
    {
      cron: '30 * * * *',
      from: '2024-10-26T23:00Z',
      until: '2024-10-27T02:00Z',
      expected: ['2024-10-26T23:30Z', '2024-10-27T00:30Z', '2024-10-27T01:30Z'],
      rule: 'every hour: an hour of real time apart, so 02:30 twice',
    },
    {
      cron: '*/30 * * * *',
      from: '2024-10-27T00:00Z',
      until: '2024-10-27T01:30Z',
      expected: ['2024-10-27T00:30Z', '2024-10-27T01:00Z', '2024-10-27T01:30Z'],
      rule: 'every hour: half an hour of real time apart',
    },
    {
      cron: '*/20 59 * * * *',
      from: '2024-10-27T00:58Z',
      until: '2024-10-27T01:59:30Z',
      expected: [
        '2024-10-27T00:59Z',
        '2024-10-27T00:59:20Z',
        '2024-10-27T00:59:40Z',
        '2024-10-27T01:59Z',
        '2024-10-27T01:59:20Z',
      ],
      rule: 'every hour: in both passes',
    },
    {
      cron: '@every 45m',
      from: '2024-10-27T00:00Z',
      until: '2024-10-27T02:30Z',
      expected: ['2024-10-27T00:45Z', '2024-10-27T01:30Z', '2024-10-27T02:15Z'],
      rule: 'counts real time since 1970: clocks do not matter',
    },
  ],
};

export const DST_NIGHTS: readonly DstNight[] = [BERLIN_SPRING, BERLIN_AUTUMN, ...NIGHTS_ELSEWHERE];
