import { describe, expect, it } from 'vitest';
import { decideRestore, type RestoreFacts } from './decide-restore.ts';

const known = { etag: 'e1', volume: 'v1' };
const base: RestoreFacts = {
  known,
  volume: 'v1',
  ready: true,
  present: { etag: 'e1', ofThisVolume: true },
  empty: false,
};
const decide = (facts: Partial<RestoreFacts>): string => decideRestore({ ...base, ...facts }).kind;

describe('decideRestore', () => {
  it('keeps the volume as long as the archive is the one on record', () => {
    expect(decide({})).toBe('keep');
    // A bot may change the permissions of its own folder.
    expect(decide({ ready: false })).toBe('keep');
  });

  it('starts with nothing where there never was anything', () => {
    expect(decide({ known: undefined, ready: false, present: null })).toBe('keep');
    expect(decide({ known: { etag: null, volume: 'v1' }, present: null })).toBe('keep');
  });

  it('fills a new volume', () => {
    expect(decide({ known: undefined, ready: false })).toBe('fill');
    expect(decide({ volume: 'v2', ready: false })).toBe('fill');
    expect(decide({ volume: 'v2' })).toBe('fill');
    expect(decide({ volume: 'v2', ready: false, present: null })).toBe('keep');
  });

  it('lets the platform win', () => {
    const theirs = { etag: 'e2', ofThisVolume: false };
    expect(decide({ present: theirs })).toBe('fill');
    expect(decide({ known: { etag: null, volume: 'v1' }, present: theirs })).toBe('fill');
    expect(decide({ present: null })).toBe('empty');
  });

  it('takes an archive of ours for ours, although it is not on record', () => {
    expect(decide({ present: { etag: 'e2', ofThisVolume: true } })).toBe('adopt');
  });

  it('counts the volume where nothing is on record, unless it is empty', () => {
    const theirs = { etag: 'e2', ofThisVolume: false };
    expect(decide({ known: undefined, present: theirs })).toBe('adopt');
    expect(decide({ known: undefined, present: theirs, empty: true })).toBe('fill');
  });

  it('counts what somebody put into the bucket after the last change to a volume that is not on record', () => {
    const edit = { etag: 'e2', ofThisVolume: false, editedSince: true };
    expect(decide({ known: undefined, present: edit })).toBe('fill');
    expect(decide({ known: { volume: 'v1' }, present: edit })).toBe('fill');
  });

  it('empties what a person deleted, saved or not, and not what came since', () => {
    const discard = { who: 'somebody', at: new Date(0) };
    expect(decide({ known: { etag: null, volume: 'v1', discard }, present: null })).toBe('empty');
    expect(decide({ known: { ...known, discard }, present: null })).toBe('empty');
    expect(decide({ known: { ...known, discard }, volume: 'v2', present: null })).toBe('keep');
    const theirs = { etag: 'e2', ofThisVolume: false };
    expect(decide({ known: { ...known, discard }, present: theirs })).toBe('fill');
  });

  it('does again what was interrupted, whatever else is known', () => {
    expect(decide({ known: { ...known, restoring: true } })).toBe('fill');
    expect(decide({ known: { ...known, restoring: true }, present: null })).toBe('empty');
  });
});
