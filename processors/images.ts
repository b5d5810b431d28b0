import type { Engine, RegistryAuth } from '../infra/engine/port.ts';
import type { Logger } from '../infra/logger.ts';
import { messageOf } from '../infra/message-of.ts';
import { Background } from './background.ts';
import type { ImageRecords } from './image-records.ts';

/** How long a resolved image is believed without asking the engine: short, so that a removed one is found out. */
const BELIEVED_MS = 30_000;

/**
 * Image references to immutable ids. Each reference is resolved once and then pinned; what is absent is pulled in the
 * background, once, whoever waits for it.
 */
export class Images implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #auth: RegistryAuth | undefined;
  readonly #log: Logger;
  readonly #records: Pick<ImageRecords, 'pulled' | 'used'> | undefined;
  readonly #known = new Map<string, { id: string; atMs: number }>();
  readonly #pulls: Background<string>;
  readonly #now: () => number;

  constructor(options: {
    engine: Engine;
    auth?: RegistryAuth;
    log: Logger;
    /** Where it is kept what was pulled, and when it was used. */
    records?: Pick<ImageRecords, 'pulled' | 'used'>;
    patienceMs?: number;
    now?: () => number;
  }) {
    this.#engine = options.engine;
    this.#auth = options.auth;
    this.#log = options.log;
    this.#records = options.records;
    this.#now = options.now ?? (() => performance.now());
    this.#pulls = new Background({ patienceMs: options.patienceMs ?? 1_500, interestMs: 10_000 });
  }

  /** The image's id. Throws `NotReadyYet` while it is being pulled, `PullFailed` when it cannot be had. */
  async ensure(reference: string, signal?: AbortSignal): Promise<string> {
    const known = this.#known.get(reference);
    if (known !== undefined && this.#now() - known.atMs < BELIEVED_MS) return known.id;
    const present = await this.#engine.resolveImage(
      known?.id ?? reference,
      signal === undefined ? {} : { signal },
    );
    const id = present ?? (await this.#pull(reference, signal));
    if (present !== undefined) this.#record(this.#records?.used(reference));
    this.#known.set(reference, { id, atMs: this.#now() });
    return id;
  }

  /** To be called when the engine says that an image it had is gone. */
  forget(reference: string): void {
    this.#known.delete(reference);
  }

  async #pull(reference: string, signal?: AbortSignal): Promise<string> {
    const auth =
      this.#auth !== undefined && registryOf(reference) === registryHost(this.#auth.serverAddress)
        ? { auth: this.#auth }
        : {};
    return this.#pulls.get(
      reference,
      async (pullSignal) => {
        const beganMs = this.#now();
        this.#log.info({ image: reference }, 'Pulling an image');
        const id = await this.#engine.pullImage(reference, { signal: pullSignal, ...auth });
        this.#record(this.#records?.pulled(reference, id));
        this.#log.info({ image: reference, tookMs: Math.round(this.#now() - beganMs) }, 'Pulled an image');
        return id;
      },
      () => `the image ${reference} is being pulled`,
      signal,
    );
  }

  /** Nobody waits for it: without a record an image is merely never collected. */
  #record(writing: Promise<void> | undefined): void {
    writing?.catch((error: unknown) => {
      this.#log.debug({ error: messageOf(error) }, 'The use of an image was not put on record');
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pulls[Symbol.asyncDispose]();
  }
}

/** The registry that a reference names; without one it is Docker's own. */
export function registryOf(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  const named = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return registryHost(named ? first : 'docker.io');
}

/** The host of a registry as people write it: with scheme, path or the old name of Docker's own. */
export function registryHost(server: string): string {
  const host = server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}
