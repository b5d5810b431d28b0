import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { examine, findOnPath, isAtLeast, parseVersion } from './find.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'the0-find-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function program(path: string, script: string): string {
  const file = join(dir, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

describe('looking for a server on the PATH', () => {
  it('prefers the first name over the first directory', () => {
    program('one/redis-server', '');
    const valkey = program('two/valkey-server', '');
    expect(findOnPath(['valkey-server', 'redis-server'], `${dir}/one:${dir}/two`)).toBe(valkey);
  });

  it('passes over what cannot be run', () => {
    writeFileSync(join(dir, 'mongod'), '');
    expect(findOnPath(['mongod'], dir)).toBeUndefined();
    expect(findOnPath(['mongod'], undefined)).toBeUndefined();
  });
});

describe('the version of a server', () => {
  it.each([
    ['db version v6.0.5\nBuild Info: {}', '6.0.5'],
    ['nats-server: v2.9.10', '2.9.10'],
    ['Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0', '7.0.15'],
    ['version 8000GB 4.48 pypi linux amd64', '4.48'],
    ['no idea', undefined],
  ])('is read from %j', (output, version) => {
    expect(parseVersion(output)).toBe(version);
  });

  it.each([
    ['2.9.1', true],
    ['2.10.0', true],
    ['3.0', true],
    ['2.8.4', false],
    ['1.99', false],
  ])('%s is 2.9 or later: %s', (version, expected) => {
    expect(isAtLeast(version, [2, 9])).toBe(expected);
  });

  it('makes a server that is too old no find, naming both versions', async () => {
    const old = program('nats-server', 'echo nats-server: v2.8.4');
    await expect(examine('nats', old, process.env)).rejects.toThrow(
      `${old} is version 2.8.4, and 2.9 or later is needed`,
    );
  });

  it('tells of a missing library with the package that has it', async () => {
    const broken = program(
      'mongod',
      'echo "error while loading shared libraries: libcurl.so.4: cannot open" >&2; exit 127',
    );
    await expect(examine('mongo', broken, process.env)).rejects.toMatchObject({
      message: expect.stringContaining('libcurl.so.4') as string,
      cure: 'apt-get install -y libcurl4',
    });
  });
});
