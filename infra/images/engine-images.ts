import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { askEngine, askEngineForText } from '../local/engine-http.ts';
import { BuildImpossible, PullImpossible } from './errors.ts';
import { messageOf } from '../message-of.ts';

// A pull that says nothing for so long is not coming.
const PULL_SILENCE_MS = 20_000;
const IMPORT_SILENCE_MS = 300_000;
const UNREACHABLE =
  /no such host|dial tcp|lookup|i\/o timeout|timeout exceeded|deadline|connection refused|network is unreachable|no route to host|TLS handshake|certificate|silent for|proxyconnect|Forbidden/i;

export type PresentImage = { id: string; bytes: number; builtFromPackages: boolean };

/** `repository:tag` in its parts; a registry's port is not a tag. */
export function splitReference(reference: string): { repository: string; tag: string } {
  const colon = reference.lastIndexOf(':');
  return colon > reference.lastIndexOf('/')
    ? { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) }
    : { repository: reference, tag: 'latest' };
}

/** The registry that a reference names, as Docker reads it. */
export function registryOf(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io';
}

/** The few image calls that come before the engine port is needed. */
export class EngineImages {
  readonly #host: string;
  readonly #environment: NodeJS.ProcessEnv;
  /** `environment`: of the certificates, where the engine is behind TLS. */
  constructor(host: string, environment: NodeJS.ProcessEnv = process.env) {
    this.#host = host;
    this.#environment = environment;
  }

  async find(reference: string): Promise<PresentImage | undefined> {
    const { status, body } = await askEngineForText(this.#host, {
      environment: this.#environment,
      path: `/images/${encodeURI(reference)}/json`,
    });
    if (status === 404) return undefined;
    if (status !== 200)
      throw new Error(`The engine does not say whether it has ${reference}: ${status} ${body.trim()}`);
    const image = JSON.parse(body) as {
      Id: string;
      Size: number;
      Config?: { Labels?: Record<string, string> | null };
    };
    return {
      id: image.Id,
      bytes: image.Size,
      builtFromPackages: image.Config?.Labels?.['the0.built'] === 'packages',
    };
  }

  /** The architecture of the engine's machine, in Docker's words. */
  async architecture(): Promise<string> {
    const { body } = await askEngineForText(this.#host, {
      environment: this.#environment,
      path: '/version',
    });
    return (JSON.parse(body) as { Arch: string }).Arch;
  }

  /** @throws PullImpossible */
  async pull(reference: string): Promise<void> {
    const { repository, tag } = splitReference(reference);
    const query = new URLSearchParams({ fromImage: repository, tag });
    let problem: string | undefined;
    try {
      const response = await askEngine(this.#host, {
        environment: this.#environment,
        method: 'POST',
        path: `/images/create?${query.toString()}`,
        timeoutMs: PULL_SILENCE_MS,
      });
      problem = errorIn(await text(response), response.statusCode ?? 0);
    } catch (error) {
      problem = messageOf(error);
    }
    if (problem !== undefined) throw new PullImpossible(problem, UNREACHABLE.test(problem));
  }

  /** Makes an image of a root file system. `changes` are lines of a Dockerfile. */
  async import(reference: string, tar: Readable, changes: readonly string[]): Promise<void> {
    const { repository, tag } = splitReference(reference);
    const query = new URLSearchParams({ fromSrc: '-', repo: repository, tag });
    for (const change of changes) query.append('changes', change);
    const response = await askEngine(this.#host, {
      environment: this.#environment,
      method: 'POST',
      path: `/images/create?${query.toString()}`,
      body: tar,
      headers: { 'Content-Type': 'application/x-tar' },
      timeoutMs: IMPORT_SILENCE_MS,
    });
    const problem = errorIn(await text(response), response.statusCode ?? 0);
    if (problem !== undefined) throw new BuildImpossible(`the engine did not take the image: ${problem}`);
  }

  async tag(reference: string, alias: string): Promise<void> {
    const { repository, tag } = splitReference(alias);
    const query = new URLSearchParams({ repo: repository, tag });
    const { status, body } = await askEngineForText(this.#host, {
      environment: this.#environment,
      method: 'POST',
      path: `/images/${encodeURI(reference)}/tag?${query.toString()}`,
    });
    if (status !== 201)
      throw new Error(`${reference} could not be tagged ${alias}: ${status} ${body.trim()}`);
  }
}

/** The engine reports trouble in the middle of a stream of JSON lines, after it has answered 200. */
export function errorIn(body: string, status: number): string | undefined {
  const lines = body.split('\n').filter((line) => line.trim() !== '');
  for (const line of lines) {
    const parsed = parseLine(line);
    if (parsed.error !== undefined) return parsed.error;
    if (status >= 400 && parsed.message !== undefined) return parsed.message;
  }
  return status >= 400 ? `the engine answers ${status}` : undefined;
}

function parseLine(line: string): { error?: string; message?: string } {
  try {
    return JSON.parse(line) as { error?: string; message?: string };
  } catch {
    // A cut-off last line says nothing.
    return {};
  }
}
