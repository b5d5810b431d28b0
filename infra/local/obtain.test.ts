import { describe, expect, it } from 'vitest';
import { WayBlocked } from './errors.ts';
import { explainFailure, firstThatWorks } from './obtain.ts';

describe('the order of the ways to a server', () => {
  it('takes the first that works, and tries none after it', async () => {
    const tried: string[] = [];
    const outcome = await firstThatWorks([
      ['found', () => Promise.reject(new WayBlocked('none on the PATH'))],
      ['cached', () => (tried.push('cached'), Promise.resolve('there'))],
      ['installed', () => (tried.push('installed'), Promise.resolve('new'))],
    ]);
    expect(outcome).toEqual({ way: 'cached', value: 'there' });
    expect(tried).toEqual(['cached']);
  });

  it('keeps every reason when none works', async () => {
    const outcome = await firstThatWorks([
      ['found', () => Promise.reject(new WayBlocked('too old'))],
      ['installed', () => Promise.reject(new WayBlocked('no python3', 'apt-get install -y python3'))],
    ]);
    expect(outcome).toEqual({
      failed: [
        { way: 'found', reason: 'too old', cure: undefined },
        { way: 'installed', reason: 'no python3', cure: 'apt-get install -y python3' },
      ],
    });
  });
});

describe('the message when a server cannot be had', () => {
  it('says what was tried, why each failed, and one command that mends it', () => {
    const message = explainFailure('mongo', [
      { way: 'found', reason: 'there is no mongod on the PATH', cure: undefined },
      { way: 'installed', reason: 'python3 has no pip', cure: 'apt-get install -y python3-pip' },
      {
        way: 'container',
        reason: 'docker has no compose plugin',
        cure: 'apt-get install -y docker-compose-v2',
      },
    ]);
    expect(message).toBe(
      [
        'There is no MongoDB to be had here. Tried:',
        '  found:      there is no mongod on the PATH',
        '  installed:  python3 has no pip',
        '  container:  docker has no compose plugin',
        'Mend it with:  apt-get install -y python3-pip',
        'Or set MONGO_URI to a server of your own.',
      ].join('\n'),
    );
  });

  it('names the setting when no command would mend it', () => {
    const message = explainFailure('redis', [{ way: 'found', reason: 'none', cure: undefined }]);
    expect(message.split('\n').at(-1)).toBe('Set REDIS_URL to a server of your own.');
  });
});
