import type { DstNight } from './dst-cases.ts';

/** Half hours, midnights, two hours, a whole day, and zones that leave their clocks alone. */
export const NIGHTS_ELSEWHERE: readonly DstNight[] = [
  {
    zone: 'America/New_York',
    event: '10 March 2024, 02:00 becomes 03:00',
    cases: [
      {
        cron: '30 2 * * *',
        from: '2024-03-09T12:00Z',
        until: '2024-03-11T12:00Z',
        expected: ['2024-03-10T07:30Z', '2024-03-11T06:30Z'],
        rule: 'moved by the hour that was left out',
      },
      {
        cron: '30 9 * * 1-5',
        from: '2024-03-08T00:00Z',
        until: '2024-03-12T00:00Z',
        expected: ['2024-03-08T14:30Z', '2024-03-11T13:30Z'],
        rule: 'the opening of the exchange, by its clock',
      },
    ],
  },
  {
    zone: 'America/New_York',
    event: '3 November 2024, 02:00 becomes 01:00',
    cases: [
      {
        cron: '30 1 * * *',
        from: '2024-11-02T12:00Z',
        until: '2024-11-04T12:00Z',
        expected: ['2024-11-03T05:30Z', '2024-11-04T06:30Z'],
        rule: 'once, the first time that it comes',
      },
    ],
  },
  {
    zone: 'Australia/Lord_Howe',
    event: '6 October 2024, 02:00 becomes 02:30',
    cases: [
      {
        cron: '15 2 * * *',
        from: '2024-10-05T00:00Z',
        until: '2024-10-07T00:00Z',
        expected: ['2024-10-05T15:45Z', '2024-10-06T15:15Z'],
        rule: 'moved by the half hour that was left out',
      },
      {
        cron: '15 * * * *',
        from: '2024-10-05T14:00Z',
        until: '2024-10-05T17:30Z',
        expected: ['2024-10-05T14:45Z', '2024-10-05T16:15Z', '2024-10-05T17:15Z'],
        rule: 'every hour, but no clock shows 02:15: nothing',
      },
    ],
  },
  {
    zone: 'Australia/Lord_Howe',
    event: '7 April 2024, 02:00 becomes 01:30',
    cases: [
      {
        cron: '45 1 * * *',
        from: '2024-04-06T00:00Z',
        until: '2024-04-08T00:00Z',
        expected: ['2024-04-06T14:45Z', '2024-04-07T15:15Z'],
        rule: 'once, the first time that it comes',
      },
      {
        cron: '45 * * * *',
        from: '2024-04-06T14:00Z',
        until: '2024-04-06T16:30Z',
        expected: ['2024-04-06T14:45Z', '2024-04-06T15:15Z', '2024-04-06T16:15Z'],
        rule: 'every hour, and clocks show 01:45 twice: twice',
      },
    ],
  },
  {
    zone: 'America/Sao_Paulo',
    event: '4 November 2018, 00:00 becomes 01:00: the day has no midnight',
    cases: [
      {
        cron: '@daily',
        from: '2018-11-03T12:00Z',
        until: '2018-11-05T12:00Z',
        expected: ['2018-11-04T03:00Z', '2018-11-05T02:00Z'],
        rule: 'moved to 01:00 of the same day',
      },
      {
        cron: '30 0 * * 0',
        from: '2018-11-03T12:00Z',
        until: '2018-11-05T12:00Z',
        expected: ['2018-11-04T03:30Z'],
        rule: 'moved; Sunday it stays',
      },
    ],
  },
  {
    zone: 'America/Sao_Paulo',
    event: '18 February 2018, 00:00 becomes 23:00 of the day before',
    cases: [
      {
        cron: '30 23 * * *',
        from: '2018-02-17T12:00Z',
        until: '2018-02-19T12:00Z',
        expected: ['2018-02-18T01:30Z', '2018-02-19T02:30Z'],
        rule: 'once, the first time that it comes',
      },
    ],
  },
  {
    zone: 'America/Sao_Paulo',
    event: '3 November 2024: the rule is of the past, clocks stay',
    cases: [
      {
        cron: '30 0 * * *',
        from: '2024-11-02T12:00Z',
        until: '2024-11-04T12:00Z',
        expected: ['2024-11-03T03:30Z', '2024-11-04T03:30Z'],
        rule: 'nothing happens',
      },
    ],
  },
  {
    zone: 'Antarctica/Troll',
    event: '31 March 2024, 01:00 becomes 03:00: two hours are left out',
    cases: [
      {
        cron: '30 1,2 * * *',
        from: '2024-03-30T12:00Z',
        until: '2024-03-31T12:00Z',
        expected: ['2024-03-31T01:30Z', '2024-03-31T02:30Z'],
        rule: 'both moved by two hours',
      },
    ],
  },
  {
    zone: 'Africa/Casablanca',
    event: '10 March 2024, Ramadan begins, 03:00 becomes 02:00',
    cases: [
      {
        cron: '30 2 * * *',
        from: '2024-03-09T12:00Z',
        until: '2024-03-11T12:00Z',
        expected: ['2024-03-10T01:30Z', '2024-03-11T02:30Z'],
        rule: 'once, the first time that it comes',
      },
    ],
  },
  {
    zone: 'Pacific/Apia',
    event: '30 December 2011 does not exist',
    cases: [
      {
        cron: '0 9 * * *',
        from: '2011-12-29T00:00Z',
        until: '2012-01-01T00:00Z',
        expected: ['2011-12-29T19:00Z', '2011-12-30T19:00Z', '2011-12-31T19:00Z'],
        rule: 'moved by a day, onto the tick of the 31st: one tick',
      },
    ],
  },
  {
    zone: 'Asia/Kathmandu',
    event: '31 March 2024: clocks never change',
    cases: [
      {
        cron: '30 2 * * *',
        from: '2024-03-30T00:00Z',
        until: '2024-04-01T00:00Z',
        expected: ['2024-03-30T20:45Z', '2024-03-31T20:45Z'],
        rule: 'nothing happens; 5:45 ahead of UTC',
      },
    ],
  },
];
