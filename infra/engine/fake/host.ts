import { createHash, randomBytes, randomInt } from 'node:crypto';
import { LABEL } from '../../../model/labels.ts';
import type { ContainerSpec, EngineCapabilities, EngineEvent, VolumeView } from '../port.ts';
import { ContainerMissing, EngineRefused, ImageMissing, NameTaken, StartRefused } from '../errors.ts';
import { ownLabels, volumeLabels } from '../labels.ts';
import { networkName } from '../names.ts';
import { checkSpec } from '../spec-check.ts';
import { FakeContainer } from './container.ts';
import { EventLog } from './event-log.ts';
import { Faults } from './faults.ts';
import { FakeFiles } from './files.ts';
import type { LedgerEntry } from './ledger.ts';

export type FakeHostOptions = {
  /** Epoch milliseconds; default the system's. Timers run in real time all the same. */
  now?: () => number;
  newId?: () => string;
  engineId?: string;
  /** References that are present; default: none. */
  images?: readonly string[];
  /** References that can be pulled. */
  registry?: readonly string[];
  /** Events that `sinceMs` can ask for again. Default 256, as Docker. */
  replayableEvents?: number;
};

export type FakeVolume = VolumeView & { installation: string; files: FakeFiles };

const CAPABILITIES: EngineCapabilities = {
  cpus: 64,
  cgroupVersion: 2,
  apparmor: false,
  seccomp: true,
  blockIoWeight: true,
  blockIoRates: true,
  ociRuntimes: ['runc'],
};

/** From 127.16.0.0 to 127.215.255.255. */
const ADDRESSES = 200 * 2 ** 16;

/** The machine that fake engines share: containers, volumes, images and networks of every installation, in memory. */
export class FakeHost {
  readonly engineId: string;
  readonly capabilities = CAPABILITIES;
  readonly now: () => number;
  readonly faults = new Faults();
  readonly events: EventLog;
  readonly ledger: LedgerEntry[] = [];
  readonly containers = new Map<string, FakeContainer>();
  readonly volumes = new Map<string, FakeVolume>();
  readonly networks = new Set<string>();
  /** Internal ones, by name: whose, and of which kind. */
  readonly internalNetworks = new Map<string, { installation: string; shared: boolean }>();
  readonly images = new Map<string, string>();
  readonly registry: Set<string>;
  readonly #names = new Map<string, FakeContainer>();
  readonly #newId: () => string;
  #sequence = 0;
  /** Fake hosts are apart, those of one process and of several: at one address only one test can serve. */
  #addresses = randomInt(ADDRESSES);

  constructor(options: FakeHostOptions = {}) {
    this.engineId = options.engineId ?? `fake-${randomBytes(6).toString('hex')}`;
    this.now = options.now ?? Date.now;
    this.#newId = options.newId ?? (() => randomBytes(32).toString('hex'));
    this.events = new EventLog(options.replayableEvents ?? 256);
    this.registry = new Set(options.registry ?? []);
    for (const reference of options.images ?? []) this.addImage(reference);
  }

  addImage(reference: string): string {
    const id = `sha256:${createHash('sha256').update(reference).digest('hex')}`;
    this.images.set(reference, id);
    return id;
  }

  removeImage(id: string): boolean {
    const names = [...this.images].filter(([, image]) => image === id).map(([name]) => name);
    if (names.length > 1 || [...this.containers.values()].some(({ spec }) => spec.image === id)) return false;
    for (const name of names) this.images.delete(name);
    return true;
  }

  resolveImage(reference: string): string | undefined {
    return this.images.get(reference) ?? [...this.images.values()].find((id) => id === reference);
  }

  create(installation: string, spec: ContainerSpec): string {
    checkSpec(installation, spec, this.capabilities);
    const holder = this.#names.get(spec.name);
    if (holder !== undefined) throw new NameTaken(spec.name, holder.id);
    if (this.resolveImage(spec.image) === undefined) throw new ImageMissing(spec.image);
    for (const mount of spec.volumes) this.createVolume(installation, mount.volume, mount.labels);
    const labels = ownLabels(installation, spec.labels, { [LABEL.kind]: spec.kind });
    const container = new FakeContainer(this.#newId(), installation, spec, labels, this.now());
    this.containers.set(container.id, container);
    this.#names.set(spec.name, container);
    this.#record(container, 'created');
    return container.id;
  }

  start(container: FakeContainer): void {
    if (container.state === 'running') return;
    const { program } = container;
    const refusal = program.startError ?? this.#missingNetwork(container);
    if (refusal !== undefined) {
      container.error = refusal;
      throw new StartRefused(refusal);
    }
    container.state = 'running';
    container.startedAtMs = this.now();
    this.attach(container, networkOf(container));
    container.finishedAtMs = undefined;
    container.exitCode = undefined;
    container.oomKilled = false;
    container.error = undefined;
    this.#record(container, 'started');
    for (const { text, stream = 'stdout', afterMs = 0 } of program.output ?? [])
      container.later(afterMs, () => container.print(stream, text, this.now()));
    const { exitCode } = program;
    if (exitCode !== undefined)
      container.later(program.exitAfterMs ?? 0, () => this.end(container, exitCode));
  }

  /** Gives a container an address on a network: one of this machine's own, at which a test may serve. */
  attach(container: FakeContainer, network: string | undefined): void {
    if (network === undefined || container.networks.has(network)) return;
    this.#addresses = (this.#addresses + 1) % ADDRESSES;
    const number = this.#addresses;
    container.networks.set(network, `127.${16 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`);
  }

  #missingNetwork(container: FakeContainer): string | undefined {
    const name = networkOf(container);
    const there =
      name === undefined ||
      (typeof container.spec.network === 'object'
        ? this.internalNetworks.has(name)
        : this.networks.has(container.installation));
    return there ? undefined : `network ${name} not found`;
  }

  /** SIGTERM. */
  terminate(container: FakeContainer): void {
    if (container.state !== 'running') return;
    const { onTerm } = container.program;
    if (onTerm === 'ignore') return;
    if (onTerm === undefined) return this.end(container, 143);
    if (onTerm.text !== undefined) container.print('stdout', onTerm.text, this.now());
    if ((onTerm.afterMs ?? 0) === 0) this.end(container, onTerm.exitCode);
    else container.later(onTerm.afterMs ?? 0, () => this.end(container, onTerm.exitCode));
  }

  end(container: FakeContainer, exitCode: number, oom = false): void {
    if (container.state !== 'running') return;
    container.clearTimers();
    container.state = 'exited';
    container.exitCode = exitCode;
    container.finishedAtMs = this.now();
    container.output.end(this.now());
    container.oomKilled = oom;
    if (oom) this.#emit(container, 'oom');
    this.#record(container, 'ended');
    container.changed();
  }

  remove(container: FakeContainer, force: boolean): void {
    if (container.state === 'running') {
      if (!force)
        throw new EngineRefused(`Container ${container.id} is running: stop it before you remove it`);
      this.end(container, 137);
    }
    container.removed = true;
    this.containers.delete(container.id);
    this.#names.delete(container.spec.name);
    this.#record(container, 'removed');
    container.changed();
  }

  find(idOrName: string): FakeContainer | undefined {
    return this.containers.get(idOrName) ?? this.#names.get(idOrName);
  }

  require(id: string): FakeContainer {
    const container = this.containers.get(id);
    if (container === undefined) throw new ContainerMissing(id);
    return container;
  }

  createVolume(installation: string, name: string, labels: Readonly<Record<string, string>>): void {
    const existing = this.volumes.get(name);
    if (existing === undefined)
      this.volumes.set(name, {
        name,
        installation,
        labels: volumeLabels(installation, labels),
        createdAtMs: this.now(),
        files: new FakeFiles(),
      });
    else if (existing.installation !== installation)
      throw new EngineRefused(
        `The volume ${name} exists and does not belong to installation ${installation}: remove or rename it`,
      );
  }

  volumeInUse(name: string): boolean {
    for (const container of this.containers.values())
      if (container.spec.volumes.some((mount) => mount.volume === name)) return true;
    return false;
  }

  #record(container: FakeContainer, type: LedgerEntry['type']): void {
    const { id, installation, spec, labels } = container;
    const exitCode = type === 'ended' ? container.exitCode : undefined;
    this.ledger.push({
      type,
      atMs: this.now(),
      sequence: this.#sequence++,
      installation,
      containerId: id,
      name: spec.name,
      botId: labels[LABEL.id] ?? spec.name,
      ...(exitCode === undefined ? {} : { exitCode }),
    });
    this.#emit(container, type === 'ended' ? 'died' : type);
  }

  #emit(container: FakeContainer, type: EngineEvent['type']): void {
    const exitCode = type === 'died' ? container.exitCode : undefined;
    this.events.add({
      type,
      containerId: container.id,
      labels: container.labels,
      ...(exitCode === undefined ? {} : { exitCode }),
      atMs: Math.floor(this.now()),
      installation: container.installation,
    });
  }
}

/** Name of the network that a container is made on. */
function networkOf({ spec, installation }: FakeContainer): string | undefined {
  if (spec.network === 'none') return undefined;
  return spec.network === 'bots' ? networkName(installation) : spec.network.internal;
}
