import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { candidateHosts, ensureEngine, type Machine } from './engine.ts';
import type { Ping } from './engine-ping.ts';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'the0-engine-'));
});
afterEach(() => {
  rmSync(cache, { recursive: true, force: true });
});

const SOCKET = 'unix:///var/run/docker.sock';
const absent: Ping = { ok: false, problem: 'absent', message: 'ENOENT' };

/** A machine on which nothing is there; it answers once `up` is called by one of its acts. */
function machine(over: Partial<Machine> = {}): Machine & { acts: string[]; up: () => void } {
  let answers = false;
  let installed = false;
  const acts: string[] = [];
  const up = (): void => {
    answers = true;
  };
  return {
    acts,
    up,
    isRoot: true,
    isDebian: true,
    hasSystemd: false,
    logFile: 'dockerd.log',
    runningEngines: () => [],
    install: () => {
      acts.push('install');
      installed = true;
      return Promise.resolve();
    },
    startService: () => {
      acts.push('startService');
      up();
      return Promise.resolve();
    },
    startDetached: () => {
      acts.push('startDetached');
      up();
    },
    ping: () => Promise.resolve(answers ? { ok: true } : absent),
    findProgram: () => (installed ? '/usr/sbin/dockerd' : undefined),
    ...over,
  };
}

const ensure = (on: Machine, environment: Record<string, string> = {}): ReturnType<typeof ensureEngine> =>
  ensureEngine({ progress: () => {}, environment: { XDG_CACHE_HOME: cache, ...environment } }, on);

describe('the container engine', () => {
  it('is the one that answers, and nothing is touched', async () => {
    const on = machine({ ping: () => Promise.resolve({ ok: true }) });
    await expect(ensure(on)).resolves.toEqual({ dockerHost: SOCKET, started: false });
    expect(on.acts).toEqual([]);
  });

  it('is the first of several sockets that answers', async () => {
    const on = machine({ ping: (host) => Promise.resolve(host.includes('/home/u') ? { ok: true } : absent) });
    await expect(ensure(on, { HOME: '/home/u' })).resolves.toMatchObject({
      dockerHost: 'unix:///home/u/.docker/run/docker.sock',
    });
  });

  it('is installed and started as root on Debian', async () => {
    const on = machine();
    await expect(ensure(on)).resolves.toEqual({ dockerHost: SOCKET, started: true });
    expect(on.acts).toEqual(['install', 'startDetached']);
  });

  it('is started by the system where that has services', async () => {
    const on = machine({ hasSystemd: true, findProgram: () => '/usr/sbin/dockerd' });
    await ensure(on);
    expect(on.acts).toEqual(['startService']);
  });

  it('is never started beside one that runs: that one is waited for', async () => {
    let asked = 0;
    const on = machine({
      runningEngines: () => [77],
      ping: () => Promise.resolve((asked += 1) > 4 ? { ok: true } : absent),
    });
    await expect(ensure(on)).resolves.toEqual({ dockerHost: SOCKET, started: false });
    expect(on.acts).toEqual([]);
  });

  it('is started once by two runs at the same time', async () => {
    const on = machine({ findProgram: () => '/usr/sbin/dockerd' });
    const both = await Promise.all([ensure(on), ensure(on)]);
    expect(both.map(({ started }) => started).sort()).toEqual([false, true]);
    expect(on.acts).toEqual(['startDetached']);
  });

  it('is not replaced by one of ours when DOCKER_HOST names another', async () => {
    const on = machine();
    await expect(ensure(on, { DOCKER_HOST: 'tcp://engine:2375' })).rejects.toThrow(
      'tcp://engine:2375: there is no such socket',
    );
    expect(on.acts).toEqual([]);
  });

  it('has a message of its own for a socket without permission', async () => {
    const on = machine({ ping: () => Promise.resolve({ ok: false, problem: 'denied', message: 'EACCES' }) });
    await expect(ensure(on)).rejects.toThrow(
      /may not use the socket[\s\S]*usermod -aG docker[\s\S]*DOCKER_HOST/,
    );
    expect(on.acts).toEqual([]);
  });

  it.each([
    [{ isRoot: false }, 'Install it as root:  apt-get install -y docker.io'],
    [{ isDebian: false }, 'Install Docker (Docker Desktop'],
    [{ isRoot: false, findProgram: () => '/usr/bin/dockerd' }, 'Docker is installed but does not run'],
  ])('says what to do where it cannot be installed: %j', async (over, message) => {
    const on = machine(over);
    await expect(ensure(on)).rejects.toThrow(message);
    expect(on.acts).toEqual([]);
  });
});

it('looks only where DOCKER_HOST says, if it says', () => {
  expect(candidateHosts({ DOCKER_HOST: 'tcp://a:1', HOME: '/h' })).toEqual(['tcp://a:1']);
  expect(candidateHosts({ DOCKER_HOST: '', XDG_RUNTIME_DIR: '/run/user/1' })).toEqual([
    SOCKET,
    'unix:///run/user/1/docker.sock',
  ]);
});
