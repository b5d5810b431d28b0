import { describe, expect, it } from 'vitest';
import { hrefs, placeOf } from './routes.ts';

const ODD = 'a/b ?#%41<script>"é';

describe('places', () => {
  it.each([
    [hrefs.fleet, { page: 'fleet' }],
    [hrefs.bots, { page: 'bots' }],
    [hrefs.bot(ODD), { page: 'bot', id: ODD, tab: 'story' }],
    [hrefs.bot(ODD, 'log'), { page: 'bot', id: ODD, tab: 'log' }],
    [hrefs.schedules, { page: 'schedules' }],
    [hrefs.schedule(ODD), { page: 'schedule', id: ODD }],
    [hrefs.runs, { page: 'runs' }],
    [hrefs.run(ODD), { page: 'run', id: ODD }],
    [hrefs.audit, { page: 'audit' }],
    [hrefs.system, { page: 'system' }],
    ['/bots/a/nothing', { page: 'nowhere' }],
    ['/bots/%E0%A4%A', { page: 'nowhere' }],
    ['/elsewhere', { page: 'nowhere' }],
    ['/audit/x', { page: 'nowhere' }],
    ['/runs/x/y', { page: 'nowhere' }],
  ])('%s', (path, place) => expect(placeOf(path)).toEqual(place));
});
