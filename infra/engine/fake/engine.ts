import { EngineFailed, EngineRefused, EngineUnavailable, PullFailed, ContainerMissing } from '../errors.ts';
import { requireContainerId } from '../ids.ts';
import { ownLabels } from '../labels.ts';
import { logTimeOfMs } from '../log-time.ts';
import { bridgeName, networkName, requireInstallation, requireOwnName } from '../names.ts';
import type { ContainerSelector, Engine, EngineEvent, LogLine, VolumeView } from '../port.ts';
import { LABEL } from '../../../model/labels.ts';
import { archiveCalls } from './archives.ts';
import { auditCalls, FAKE_SUBNET } from './audit.ts';
import { Channel } from './channel.ts';
import type { FakeContainer } from './container.ts';
import { createControl, type FakeControl } from './control.ts';
import { FakeHost, type FakeHostOptions } from './host.ts';
import { networkCalls } from './networks.ts';
import { volumeFileCalls } from './volume-files.ts';

export type FakeEngine = Engine & { readonly control: FakeControl };

export type FakeEngineOptions = FakeHostOptions & {
  installation: string;
  /** Shared by the engines of several installations or processors; default: one of its own. */
  host?: FakeHost;
  /** Of every call. */
  latencyMs?: number;
};

/** An engine in memory with Docker's semantics: names, events, exit codes, volumes with their files, one archive format. */
export function createFakeEngine(options: FakeEngineOptions): FakeEngine {
  const installation = requireInstallation(options.installation);
  const host = options.host ?? new FakeHost(options);
  const { faults } = host;
  if (options.latencyMs !== undefined) faults.setLatency('*', options.latencyMs);
  const closing = new AbortController();

  /** Undefined if it is gone; throws for one of another installation. */
  function own(id: string): FakeContainer | undefined {
    const container = host.containers.get(requireContainerId(id));
    if (container !== undefined && container.installation !== installation)
      throw new EngineRefused(
        `Container ${id} belongs to installation ${container.installation}, not to ${installation}: it is left alone`,
      );
    return container;
  }

  async function untilEnded(container: FakeContainer, signal: AbortSignal | undefined): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const look = () => {
      if (container.exitCode !== undefined && container.state === 'exited') resolve(container.exitCode);
      else if (container.removed) reject(new ContainerMissing(container.id));
    };
    const onAbort = () => reject(signal?.reason as Error);
    const unwatch = container.watch(look);
    const unwatchOutage = faults.onOutage(() =>
      reject(new EngineUnavailable('The fake engine has been made unavailable')),
    );
    signal?.addEventListener('abort', onAbort);
    look();
    try {
      return await promise;
    } finally {
      unwatch();
      unwatchOutage();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async function* events(request: { sinceMs?: number; signal: AbortSignal }): AsyncGenerator<EngineEvent> {
    const { signal } = request;
    if (signal.aborted) return;
    faults.requireAvailable();
    const channel = new Channel<EngineEvent>();
    const away = (reason: string) => channel.fail(new EngineUnavailable(reason));
    const onAbort = () => channel.end();
    const onClose = () => away('This connection to the container engine has been closed');
    const stop = host.events.listen(request.sinceMs, ({ installation: owner, ...event }) => {
      if (owner === installation) channel.put(event);
    });
    const unwatchOutage = faults.onOutage(() => away('The fake engine has been made unavailable'));
    signal.addEventListener('abort', onAbort);
    closing.signal.addEventListener('abort', onClose);
    try {
      for await (const event of channel) {
        if (signal.aborted) return;
        yield event;
      }
    } finally {
      stop();
      unwatchOutage();
      signal.removeEventListener('abort', onAbort);
      closing.signal.removeEventListener('abort', onClose);
    }
  }

  async function* logs(id: string, request: Parameters<Engine['logs']>[1]): AsyncGenerator<LogLine> {
    const { signal, tail, follow = false } = request;
    signal?.throwIfAborted();
    faults.requireAvailable();
    const container = host.require(requireContainerId(id));
    const since = request.since ?? logTimeOfMs(request.sinceMs ?? 0);
    let { entries, next } = container.output.from(0);
    entries = entries.filter(({ time }) => time >= since);
    if (tail !== undefined) entries = tail === 0 ? [] : entries.slice(-tail);
    let wake = quietPromise();
    const unwatch = container.watch(() => wake.resolve());
    const onAbort = () => wake.reject(signal?.reason as Error);
    const unwatchOutage = faults.onOutage(() =>
      wake.reject(new EngineUnavailable('The fake engine has been made unavailable')),
    );
    signal?.addEventListener('abort', onAbort);
    try {
      for (;;) {
        const open = follow && container.state === 'running' && !container.removed;
        yield* entries;
        signal?.throwIfAborted();
        if (!follow) return;
        faults.requireAvailable();
        ({ entries, next } = container.output.from(next));
        if (entries.length > 0) continue;
        if (!open) return;
        if (container.state !== 'running') continue;
        await wake.promise;
        wake = quietPromise();
      }
    } finally {
      unwatch();
      unwatchOutage();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  return {
    installation,
    control: createControl(host),
    identify: ({ signal } = {}) =>
      faults.around('identify', signal, () => ({ id: host.engineId, product: 'fake', version: '1' })),
    capabilities: ({ signal } = {}) => faults.around('capabilities', signal, () => host.capabilities),
    create: (spec, { signal } = {}) => faults.around('create', signal, () => host.create(installation, spec)),
    start: (id, { signal } = {}) =>
      faults.around('start', signal, () => host.start(own(id) ?? host.require(id))),
    stop: (id, graceMs, { signal } = {}) =>
      faults.around('stop', signal, async () => {
        const container = own(id);
        if (container === undefined || container.state !== 'running') return;
        host.terminate(container);
        const kill = setTimeout(() => host.end(container, 137), Math.max(0, graceMs)).unref();
        try {
          await untilEnded(container, signal);
        } finally {
          // As with Docker, the kill comes even if nobody waits for it any more.
          if (container.state !== 'running') clearTimeout(kill);
        }
      }),
    remove: (id, { signal, force = false } = {}) =>
      faults.around('remove', signal, () => {
        const container = own(id);
        if (container !== undefined) host.remove(container, force);
      }),
    inspect: (idOrName, { signal } = {}) =>
      faults.around('inspect', signal, () => host.find(idOrName)?.detail()),
    list: (selector = {}, { signal } = {}) =>
      faults.around('list', signal, () => {
        const matches = matcher(installation, selector);
        return [...host.containers.values()].filter(matches).map((container) => container.view());
      }),
    wait: (id, { signal } = {}) =>
      faults.around('wait', signal, async () => ({
        exitCode: await untilEnded(host.require(requireContainerId(id)), signal),
      })),
    events,
    logs,
    ...archiveCalls(host, own),
    usage: (ids, { signal } = {}) =>
      faults.around('usage', signal, () => {
        const running = ids
          .map((id) => host.containers.get(requireContainerId(id)))
          .filter((container) => container?.state === 'running');
        return new Map(
          running.flatMap((one) => (one === undefined ? [] : [[one.id, one.usage(host.now())]])),
        );
      }),
    resolveImage: (reference, { signal } = {}) =>
      faults.around('resolveImage', signal, () => host.resolveImage(reference)),
    pullImage: (reference, { signal } = {}) =>
      faults.around('pullImage', signal, () => {
        if (!host.registry.has(reference)) throw new PullFailed(reference, 'the registry does not have it');
        return host.addImage(reference);
      }),
    removeImage: (id, { signal } = {}) => faults.around('removeImage', signal, () => host.removeImage(id)),
    createVolume: (name, labels, { signal } = {}) =>
      faults.around('createVolume', signal, () =>
        host.createVolume(installation, requireOwnName('volume', installation, name), labels),
      ),
    inspectVolume: (name, { signal } = {}) =>
      faults.around('inspectVolume', signal, () => {
        const volume = host.volumes.get(requireOwnName('volume', installation, name));
        return volume?.installation === installation ? viewOf(volume) : undefined;
      }),
    listVolumes: (labels = {}, { signal } = {}) =>
      faults.around('listVolumes', signal, () => {
        const wanted = Object.entries(ownLabels(installation, labels));
        return [...host.volumes.values()]
          .filter((volume) => wanted.every(([key, value]) => volume.labels[key] === value))
          .map(viewOf);
      }),
    ...volumeFileCalls(host, installation),
    removeVolume: (name, { signal } = {}) =>
      faults.around('removeVolume', signal, () => {
        requireOwnName('volume', installation, name);
        if (host.volumeInUse(name)) return false;
        if (host.volumes.get(name)?.installation === installation) host.volumes.delete(name);
        return true;
      }),
    ensureNetwork: ({ signal } = {}) =>
      faults.around('ensureNetwork', signal, () => {
        host.networks.add(installation);
        return {
          name: networkName(installation),
          bridge: bridgeName(installation),
          subnets: [FAKE_SUBNET],
        };
      }),
    removeNetwork: ({ signal } = {}) =>
      faults.around('removeNetwork', signal, () => {
        const used = [...host.containers.values()].some(
          ({ state, spec, installation: owner }) =>
            state === 'running' && spec.network === 'bots' && owner === installation,
        );
        if (used) throw new EngineFailed(`The network ${networkName(installation)} has active endpoints`);
        host.networks.delete(installation);
      }),
    ...auditCalls(host, installation, own),
    ...networkCalls(host, installation),
    [Symbol.asyncDispose]: async () => closing.abort(),
  };
}

const viewOf = ({ name, labels, createdAtMs }: VolumeView): VolumeView => ({ name, labels, createdAtMs });

/** It may be rejected while nobody waits for it. */
function quietPromise(): PromiseWithResolvers<void> {
  const made = Promise.withResolvers<void>();
  made.promise.catch(() => undefined);
  return made;
}

function matcher(installation: string, selector: ContainerSelector): (container: FakeContainer) => boolean {
  const managed = selector.scope === 'any-managed';
  const wanted = Object.entries(selector.labels ?? {});
  return (container) =>
    (managed ? container.labels[LABEL.managed] === 'true' : container.installation === installation) &&
    wanted.every(([key, value]) => container.labels[key] === value);
}
