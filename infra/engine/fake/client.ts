import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { requireInstallation } from '../names.ts';
import type { CallOptions, Engine, EngineEvent, LogLine, VolumeListing } from '../port.ts';
import type { UsageReading } from '../../../model/usage.ts';
import { FakeConnection } from './connection.ts';
import type { FakeControl } from './control.ts';
import type { FakeEngine } from './engine.ts';

const CONTROLS: readonly (keyof FakeControl)[] = [
  'failNext',
  'setLatency',
  'setUnavailable',
  'clearFaults',
  'exit',
  'oom',
  'print',
  'addImage',
  'removeImage',
  'addToRegistry',
  'ledger',
];

/** The fake engine that a `serveFakeEngine` elsewhere holds. Opens no connection before the first call. */
export function connectFakeEngine(options: { url: string; installation: string }): FakeEngine {
  const installation = requireInstallation(options.installation);
  const connection = new FakeConnection(options.url, installation);

  /** `args` without the options, whose signal stays on this side. */
  async function ask<Value>(
    method: keyof Engine & string,
    args: unknown[],
    options: CallOptions = {},
  ): Promise<Value> {
    const { signal, ...rest } = options;
    return (await connection.call('engine', method, [...args, rest], signal)) as Value;
  }

  const control = Object.fromEntries(
    CONTROLS.map((method) => [method, (...args: unknown[]) => connection.call('control', method, args)]),
  ) as unknown as FakeControl;

  return {
    installation,
    control,
    identify: (call) => ask('identify', [], call),
    capabilities: (call) => ask('capabilities', [], call),
    hostFacts: (call) => ask('hostFacts', [], call),
    create: (spec, call) => ask('create', [spec], call),
    start: (id, call) => ask('start', [id], call),
    stop: (id, graceMs, call) => ask('stop', [id, graceMs], call),
    remove: (id, call) => ask('remove', [id], call),
    inspect: (idOrName, call) => ask('inspect', [idOrName], call),
    list: (selector = {}, call) => ask('list', [selector], call),
    confinement: (id, call) => ask('confinement', [id], call),
    wait: (id, call) => ask('wait', [id], call),
    async *events({ sinceMs, signal }) {
      if (signal.aborted) return;
      for await (const event of connection.listen('events', [{ sinceMs }], signal)) {
        if (signal.aborted) return;
        yield event as EngineEvent;
      }
    },
    async *logs(id, { signal, ...request }) {
      signal?.throwIfAborted();
      for await (const line of connection.listen('logs', [id, request], signal)) yield line as LogLine;
      signal?.throwIfAborted();
    },
    readArchive: async (id, path, call) =>
      Readable.from([await ask<Buffer>('readArchive', [id, path], call)]),
    writeArchive: async (id, path, tar, call) =>
      ask('writeArchive', [id, path, Buffer.isBuffer(tar) ? tar : await buffer(tar)], call),
    pathMode: (id, path, call) => ask('pathMode', [id, path], call),
    usage: async (ids, call) => new Map(await ask<[string, UsageReading][]>('usage', [ids], call)),
    resolveImage: (reference, call) => ask('resolveImage', [reference], call),
    pullImage: (reference, call) => ask('pullImage', [reference], call),
    removeImage: (id, call) => ask('removeImage', [id], call),
    createVolume: (name, labels, call) => ask('createVolume', [name, labels], call),
    inspectVolume: (name, call) => ask('inspectVolume', [name], call),
    listVolumes: (labels = {}, call) => ask('listVolumes', [labels], call),
    listFiles: async (volumes, call) =>
      new Map(await ask<[string, VolumeListing & { made: string }][]>('listFiles', [volumes], call)),
    volumePath: (name, call) => ask('volumePath', [name], call),
    emptyVolume: (name, call) => ask('emptyVolume', [name], call),
    removeVolume: (name, call) => ask('removeVolume', [name], call),
    ensureNetwork: (call) => ask('ensureNetwork', [], call),
    removeNetwork: (call) => ask('removeNetwork', [], call),
    ensureInternalNetwork: (name, call) => ask('ensureInternalNetwork', [name], call),
    listInternalNetworks: (call) => ask('listInternalNetworks', [], call),
    removeInternalNetwork: (name, call) => ask('removeInternalNetwork', [name], call),
    joinInternalNetwork: (name, containerId, call) => ask('joinInternalNetwork', [name, containerId], call),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
