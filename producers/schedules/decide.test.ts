import { describe, expect, it } from 'vitest';
import { decide, type Reading, type Sighting, type Verdict } from './decide.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');
const HOUR = 3_600_000;
const at = (ms: number): Date => new Date(NOW + ms);

const reading: Reading = {
  ok: true,
  timing: 'CRON_TZ=UTC 0 * * * *',
  cron: '0 * * * *',
  zone: 'UTC',
  windowMs: 24 * HOUR,
  runsAtOnce: 1,
};
const wellReason = 'It ticks by "0 * * * *" in UTC.';
const well: NonNullable<Sighting['status']> = {
  _id: 's',
  phase: 'active',
  reason: wellReason,
  timing: reading.timing,
  handledThrough: at(-HOUR),
  nextAt: at(HOUR),
  line: [],
};
const stopped = (phase: 'disabled' | 'paused' | 'invalid' | 'gone', line: string[] = []) => ({
  _id: 's',
  phase,
  reason: 'x',
  line,
});
const document = { id: 's', config: { schedule: '0 * * * *' } };
const decided = (sighting: Partial<Sighting>, read: Reading = reading): Verdict =>
  decide({ id: 's', openRuns: [], ...sighting }, () => read, NOW);
const beginsFrom = (verdict: Verdict): number | undefined =>
  verdict.kind === 'begin' ? verdict.fromMs - NOW : undefined;

describe('a schedule that should tick', () => {
  it('is left alone where it does', () => {
    expect(decided({ document, status: well })).toEqual({ kind: 'leave' });
  });

  it('begins from now when it is new', () => {
    expect(decided({ document })).toEqual({
      kind: 'begin',
      reason: wellReason,
      timing: reading.timing,
      zone: 'UTC',
      fromMs: NOW,
    });
  });

  it.each([
    ['just missed', -90, -90_000 - 1],
    ['due now', 0, -1],
    ['older than the misfire window', -48 * 3600, -24 * HOUR],
    ['still to come', 60, 0],
    ['no time at all', 'soon', 0],
    ['never written', 0 - NOW / 1000, 0],
  ])('at first sight, a next execution that is %s counts so', (_what, seconds, from) => {
    const next = typeof seconds === 'number' ? NOW / 1000 + seconds : seconds;
    const adopted = { ...document, next_execution_time: next as number };
    expect(beginsFrom(decided({ document: adopted }))).toBe(from);
  });

  it.each([
    ['disabled', stopped('disabled')],
    ['held', stopped('paused')],
    ['invalid', stopped('invalid')],
    ['deleted', stopped('gone', ['r'])],
  ])('begins from now, whatever was announced, once it is no longer %s', (_what, status) => {
    const late = { ...document, next_execution_time: NOW / 1000 - 600 };
    expect(beginsFrom(decided({ document: late, status }))).toBe(0);
  });

  it('begins from now with another timing', () => {
    const status = { ...well, timing: 'CRON_TZ=UTC 30 * * * *' };
    expect(beginsFrom(decided({ document, status }))).toBe(0);
  });

  it('waits with another timing until the due tick of the old one is recorded', () => {
    const status = { ...well, timing: 'CRON_TZ=UTC 30 * * * *', nextAt: at(0) };
    expect(decided({ document, status })).toEqual({ kind: 'wait' });
  });

  it('is begun anew where a handler let it go and it is to run after all', () => {
    const { nextAt: _nextAt, ...status } = well;
    expect(beginsFrom(decided({ document, status }))).toBe(0);
  });

  it('never goes back to before what was handled, should the clock have been set back', () => {
    const status = { ...well, timing: 'CRON_TZ=UTC 30 * * * *', handledThrough: at(5_000) };
    expect(beginsFrom(decided({ document, status }))).toBe(5_000);
  });
});

describe('a schedule that should not tick', () => {
  it.each([
    ['its owner disabled', { document: { ...document, config: { enabled: false } } }, 'disabled', /owner/],
    ['an operator holds', { document, hold: 'ann: incident 7' }, 'paused', /ann: incident 7/],
    ['has an id that cannot be used', { id: '-x', document: { ...document, id: '-x' } }, 'invalid', /-x/],
    ['is gone while a run is on', { status: { ...well, line: ['r'] } }, 'gone', /deleted/],
    ['is gone, and only its runs are left', { openRuns: ['r'] }, 'gone', /deleted/],
  ])('that %s is stopped, with its reason', (_what, sighting, phase, reason) => {
    expect(decided({ status: well, ...sighting })).toEqual({
      kind: 'stop',
      phase,
      reason: expect.stringMatching(reason) as string,
    });
  });

  it.each([
    ['its owner disabled', { document: { ...document, config: { enabled: false } } }, reading],
    ['an operator holds', { document, hold: 'ann: incident 7' }, reading],
    ['cannot be run as written', { document }, { ok: false, reason: 'x' } as const],
  ])('that %s is stopped only once what is due is recorded', (_what, sighting, read) => {
    const status = { ...well, nextAt: at(0) };
    expect(decided({ status, ...sighting }, read)).toEqual({ kind: 'wait' });
    expect(decided({ status: { ...well, nextAt: at(1) }, ...sighting }, read).kind).toBe('stop');
  });

  it('is forgotten, its document gone, only once what is due is recorded', () => {
    const status = { ...well, nextAt: at(0) };
    expect(decided({ status: { ...status, line: ['r'] } })).toEqual({ kind: 'wait' });
    expect(decided({ status })).toEqual({ kind: 'wait' });
    const { nextAt: _nextAt, ...recorded } = well;
    expect(decided({ status: { ...recorded, line: ['r'] } }).kind).toBe('stop');
    expect(decided({ status: recorded })).toEqual({ kind: 'forget' });
  });

  it('is stopped with the reason why it cannot be run as written', () => {
    const verdict = decided({ document, status: well }, { ok: false, reason: 'config.schedule is missing' });
    expect(verdict).toEqual({
      kind: 'stop',
      phase: 'invalid',
      reason: 'It cannot run: config.schedule is missing.',
    });
  });

  it('is given another reason without a new phase', () => {
    const verdict = decided({ document, status: stopped('invalid') }, { ok: false, reason: 'another' });
    expect(verdict).toEqual({ kind: 'reword', reason: 'It cannot run: another.' });
  });

  it('is not even read where its owner disabled it', () => {
    const disabled = { ...document, enabled: false };
    expect(() =>
      decide({ id: 's', document: disabled, openRuns: [] }, () => expect.unreachable(), NOW),
    ).not.toThrow();
  });

  it('is forgotten once nothing but its status is left', () => {
    expect(decided({ status: stopped('gone') })).toEqual({ kind: 'forget' });
    expect(decided({ status: well })).toEqual({ kind: 'forget' });
  });
});
