import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../../../infra/config/settings.ts';
import type { ContainerSpec, Engine } from '../../../infra/engine/port.ts';
import type { Logger } from '../../../infra/logger.ts';
import { messageOf } from '../../../infra/message-of.ts';
import type { BotConfig } from '../../../model/bots.ts';
import { LABEL } from '../../../model/labels.ts';
import { fillVolume } from '../../../processors/code/fill.ts';
import { tarOf } from '../../../processors/entrypoints/tar.ts';
import { fillContainer } from '../../../processors/launch/fill.ts';
import { ensureStateOwnership } from '../../../processors/state-volume.ts';
import { CliError } from '../../errors.ts';
import { PROBE_ID, PROBE_KIND, probeSpec } from './probe-spec.ts';

const CODE = join(import.meta.dirname, 'bot');
/** What an earlier probe left that was killed is older; one that runs beside this one is not. */
const LEFT_BEHIND_MS = 2 * 60_000;
const REMOVE_ATTEMPTS = 5;
const REMOVE_PAUSE_MS = 300;

export type RunningBot = { id: string; spec: ContainerSpec };

export type ProbeContainersOptions = {
  engine: Engine;
  settings: Settings;
  image: string;
  seccompProfile?: string;
  log: Logger;
};

/** The probe's bots and all that they take; everything goes when this is disposed of, however far it came. */
export class ProbeContainers implements AsyncDisposable {
  readonly #options: ProbeContainersOptions;
  readonly #nonce = randomBytes(4).toString('hex');
  readonly #volumes = new Set<string>();
  readonly #names = new Set<string>();
  #code: string | undefined;
  #count = 0;

  constructor(options: ProbeContainersOptions) {
    this.#options = options;
  }

  /** A bot that runs, started as a processor starts one. */
  async start(config: BotConfig, signal: AbortSignal): Promise<RunningBot> {
    const { engine, settings, image, seccompProfile } = this.#options;
    const botId = `${PROBE_ID}${this.#nonce}-${++this.#count}`;
    const { spec, launch } = probeSpec({
      installation: engine.installation,
      botId,
      config,
      image,
      codeVolume: await this.#codeVolume(signal),
      settings,
      ...(seccompProfile === undefined ? {} : { seccompProfile }),
    });
    for (const { volume } of spec.volumes) this.#volumes.add(volume);
    this.#names.add(spec.name);
    signal.throwIfAborted();
    // Not cut off by the signal: the engine would make it all the same, and nobody would know its id.
    const id = await engine.create(spec);
    await fillContainer(engine, id, launch, {
      state: (either) => ensureStateOwnership(engine, { id, spec }, `${botId}-state`, either),
      signal,
    });
    await engine.start(id, { signal });
    return { id, spec };
  }

  /** Says what could not be removed, if anything. */
  async remove(): Promise<string[]> {
    const { engine } = this.#options;
    const left: string[] = [];
    for (const name of this.#names)
      await persistently(name, left, async () => {
        const found = await engine.inspect(name);
        if (found !== undefined) await engine.remove(found.id, { force: true });
        return true;
      });
    for (const volume of this.#volumes) await persistently(volume, left, () => engine.removeVolume(volume));
    return left;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left = await this.remove();
    if (left.length > 0)
      throw new CliError(`What the probe made could not be removed, the next one does: ${left.join(', ')}`);
  }

  async #codeVolume(signal: AbortSignal): Promise<string> {
    if (this.#code !== undefined) return this.#code;
    const { engine, image, log } = this.#options;
    const codeId = `${PROBE_ID}${this.#nonce}`;
    const volume = `${engine.installation}_code_${codeId}`;
    this.#volumes.add(volume);
    const names = (await readdir(CODE)).filter((name) => name.endsWith('.py'));
    const files = names.map(async (name) => ({
      name,
      mode: 0o644,
      uid: 0,
      gid: 0,
      content: await readFile(join(CODE, name)),
    }));
    const tar = Readable.from([await tarOf(await Promise.all(files))], { objectMode: false });
    await fillVolume(engine, log, { codeId, volume, nonce: codeId, image, tar, signal });
    this.#code = volume;
    return volume;
  }
}

/** Removes what probes left behind that were killed. */
export async function sweepEarlierProbes(engine: Engine, now: () => number = Date.now): Promise<void> {
  const old = now() - LEFT_BEHIND_MS;
  for (const { id, labels } of await engine.list({ labels: { [LABEL.kind]: PROBE_KIND } })) {
    if (labels[LABEL.id]?.startsWith(PROBE_ID) !== true) continue;
    const detail = await engine.inspect(id);
    if (detail !== undefined && detail.createdAtMs < old) await engine.remove(id, { force: true });
  }
  // Its code has the kind of all code, and goes with that after an hour.
  for (const { name, createdAtMs } of await engine.listVolumes({ [LABEL.kind]: PROBE_KIND }))
    if (createdAtMs < old) await engine.removeVolume(name);
}

async function persistently(what: string, left: string[], remove: () => Promise<boolean>): Promise<void> {
  let reason = 'it is in use';
  for (let attempt = 1; attempt <= REMOVE_ATTEMPTS; attempt += 1) {
    try {
      if (await remove()) return;
    } catch (error) {
      reason = messageOf(error);
    }
    await sleep(REMOVE_PAUSE_MS);
  }
  left.push(`${what} (${reason})`);
}
