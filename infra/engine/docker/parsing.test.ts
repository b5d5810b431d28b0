import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../config/load.ts';
import { EngineRefused, EngineUnavailable } from '../errors.ts';
import { toCapabilities } from './capabilities.ts';
import { endpointOptions, parseEndpoint } from './endpoint.ts';
import { toEvent, toSeconds } from './events.ts';
import { answerFailure, DockerRefusal, unreachable } from './failures.ts';
import { isImageReference, parseImageReference } from './image-reference.ts';
import { jsonLines } from './json-lines.ts';
import { toMs } from './views.ts';

describe('DOCKER_HOST', () => {
  it('may be unset, a socket, or an address', () => {
    expect(parseEndpoint({})).toMatchObject({ kind: 'socket', socketPath: '/var/run/docker.sock' });
    expect(parseEndpoint({ dockerHost: 'unix:///run/user/1000/docker.sock' })).toMatchObject({
      socketPath: '/run/user/1000/docker.sock',
    });
    expect(parseEndpoint({ dockerHost: 'tcp://10.0.0.1:2375' })).toMatchObject({
      host: '10.0.0.1',
      port: 2375,
      tls: false,
    });
    expect(parseEndpoint({ dockerHost: 'localhost:2375' })).toMatchObject({ host: 'localhost', port: 2375 });
    expect(parseEndpoint({ dockerHost: 'https://engine:2376' })).toMatchObject({ host: 'engine', tls: true });
  });

  it('that is an address is TLS where the settings say so', () => {
    const endpoint = (environment: Record<string, string>) =>
      parseEndpoint(endpointOptions(loadSettings({ DOCKER_HOST: 'tcp://10.0.0.1', ...environment })));
    expect(endpoint({})).toMatchObject({ tls: false, port: 2375 });
    expect(endpoint({ DOCKER_TLS_VERIFY: '1' })).toMatchObject({ tls: true, port: 2376 });
    expect(endpoint({ DOCKER_TLS_VERIFY: '' })).toMatchObject({ tls: false });
    expect(endpoint({ DOCKER_TLS_VERIFY: '1', DOCKER_HOST: '/run/docker.sock' }).kind).toBe('socket');
  });

  it('that is not understood is refused with a cure', () => {
    for (const dockerHost of ['ssh://me@host', 'npipe:////./pipe/docker', 'tcp://'])
      expect(() => parseEndpoint({ dockerHost })).toThrow(EngineRefused);
    expect(() => parseEndpoint({ dockerHost: 'tcp://h:1', certPath: '/no/such/folder' })).toThrow(
      /DOCKER_CERT_PATH/,
    );
  });
});

describe('failures', () => {
  it('name what to do about a socket that may not be opened, is not there, or has nobody behind it', () => {
    const message = (code: string) =>
      unreachable({ code }, '/var/run/docker.sock', 'list containers').message;
    expect(message('EACCES')).toMatch(/group/);
    expect(message('UNABLE_TO_VERIFY_LEAF_SIGNATURE')).toMatch(/DOCKER_CERT_PATH/);
    expect(message('EPROTO')).toMatch(/whether the engine speaks TLS/);
    expect(message('ECONNRESET')).toMatch(/DOCKER_TLS_VERIFY/);
    expect(message('ENOENT')).toMatch(/start Docker/);
    expect(message('ECONNREFUSED')).toMatch(/nothing listens/);
    for (const code of ['EACCES', 'ENOENT', 'ECONNREFUSED'])
      expect(message(code)).toContain('/var/run/docker.sock');
  });

  it('carry the engine’s own words, and take a proxy without an engine for an absence', () => {
    expect(answerFailure(409, '{"message":"Conflict"}', 'x')).toMatchObject({
      status: 409,
      detail: 'Conflict',
    });
    expect(answerFailure(400, 'plain', 'x')).toBeInstanceOf(DockerRefusal);
    expect(answerFailure(502, '<html>', 'x')).toBeInstanceOf(EngineUnavailable);
  });
});

describe('image references', () => {
  it('are taken apart at the right colons', () => {
    expect(parseImageReference('python:3.11-slim')).toEqual({ repository: 'python', tag: '3.11-slim' });
    expect(parseImageReference('node')).toEqual({ repository: 'node', tag: 'latest' });
    expect(parseImageReference('host:5000/a/b')).toEqual({ repository: 'host:5000/a/b', tag: 'latest' });
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(parseImageReference(`host:5000/a/b:1@${digest}`)).toEqual({
      repository: 'host:5000/a/b',
      tag: '1',
      digest,
    });
  });

  it('that would lead to another path of the engine are none', () => {
    for (const bad of [
      '',
      '..',
      '../containers',
      'a//b',
      '/a',
      'a/../b',
      'UPPER/x',
      'a b',
      'a:',
      'a@sha256:0',
      './a',
      'a/.',
    ])
      expect(isImageReference(bad), bad).toBe(false);
    for (const good of [
      'a',
      'a/b:c',
      'Host.example:5000/a/b_c:V1',
      'localhost/a',
      'mcr.microsoft.com/dotnet/runtime:8.0',
    ])
      expect(isImageReference(good), good).toBe(true);
  });
});

describe('events', () => {
  it('become the port’s, with labels apart from what Docker mixes in, or nothing', () => {
    const Attributes = { name: 'n', image: 'i', exitCode: '137', 'runtime.id': 'b' };
    const message = {
      Type: 'container',
      Action: 'die',
      Actor: { ID: 'x', Attributes },
      timeNano: 1_700_000_000_123_999_999,
    };
    expect(toEvent(message)).toEqual({
      type: 'died',
      containerId: 'x',
      labels: { 'runtime.id': 'b' },
      exitCode: 137,
      atMs: 1_700_000_000_123,
    });
    expect(toEvent({ ...message, Action: 'exec_start: sh' })).toBeUndefined();
    expect(toEvent({ ...message, Type: 'volume', Action: 'create' })).toBeUndefined();
  });

  it('are asked for with Docker’s own notation of time', () => {
    expect(toSeconds(1_700_000_000_123)).toBe('1700000000.123000000');
    expect(toSeconds(5)).toBe('0.005000000');
    expect(toMs('0001-01-01T00:00:00Z')).toBeUndefined();
    expect(toMs('2024-01-01T00:00:00.5Z')).toBe(1_704_067_200_500);
  });

  it('are read line by line, wherever the bytes are cut', async () => {
    const bytes = Buffer.from('{"a":"ü"}\n\n{"b":1}\n{"cut');
    const read = [];
    const chunks = (async function* () {
      for (const byte of bytes) yield Buffer.from([byte]);
    })();
    for await (const value of jsonLines(chunks)) read.push(value);
    expect(read).toEqual([{ a: 'ü' }, { b: 1 }]);
  });
});

describe('capabilities', () => {
  const info = {
    ID: 'x',
    ServerVersion: '20',
    SecurityOptions: ['name=seccomp,profile=default'],
    Runtimes: { runc: {} },
  };

  it('promise nothing about a host that cannot be looked at', () => {
    expect(toCapabilities({ ...info, NCPU: 2, CgroupVersion: '1' }, undefined)).toEqual({
      cpus: 2,
      cgroupVersion: 1,
      apparmor: false,
      seccomp: true,
      blockIoWeight: false,
      blockIoRates: false,
      ociRuntimes: ['runc'],
    });
  });

  it('ask the kernel what block-I/O limits it has', () => {
    const files = (present: string[], text = '') => ({
      exists: (path: string) => present.includes(path),
      read: () => text,
    });
    const v1 = files(['/sys/fs/cgroup/blkio/blkio.throttle.read_bps_device']);
    expect(toCapabilities({ ...info, CgroupVersion: '1' }, v1)).toMatchObject({
      blockIoWeight: false,
      blockIoRates: true,
    });
    const v2 = files(['/sys/fs/cgroup/cgroup.controllers'], 'cpuset cpu io memory pids\n');
    expect(toCapabilities({ ...info, CgroupVersion: '2' }, v2)).toMatchObject({
      cgroupVersion: 2,
      blockIoWeight: true,
    });
  });
});
