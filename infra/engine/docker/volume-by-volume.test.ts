import { describe, expect, it } from 'vitest';
import { createLogger } from '../../logger.ts';
import { VolumeByVolume } from './volume-by-volume.ts';

const log = createLogger({ level: 'silent', service: 'test' });
const whole = { files: [], complete: true };
const eio = Object.assign(new Error('EIO: i/o error, scandir'), { code: 'EIO' });

describe('VolumeByVolume', () => {
  it('tells of one that cannot be read without throwing, and of it again once it can', async () => {
    const volumes = new VolumeByVolume(log);
    expect(await volumes.list('a', () => Promise.reject(eio), undefined)).toEqual({ failed: eio });
    expect(await volumes.list('b', () => Promise.resolve(whole), undefined)).toBe(whole);
    expect(await volumes.list('a', () => Promise.resolve(whole), undefined)).toBe(whole);
    expect(await volumes.list('a', () => Promise.resolve(undefined), undefined)).toBeUndefined();
  });

  it('ends when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    const volumes = new VolumeByVolume(log);
    await expect(volumes.list('a', () => Promise.reject(eio), signal)).rejects.toThrow('enough');
  });
});
