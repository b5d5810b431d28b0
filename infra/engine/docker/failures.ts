import { ContainerMissing, EngineFailed, EngineRefused, EngineUnavailable } from '../errors.ts';

/** The engine answered with an HTTP error; each operation turns it into the named error that its caller knows. */
export class DockerRefusal extends Error {
  override readonly name = 'DockerRefusal';
  readonly status: number;
  /** The engine's own words. */
  readonly detail: string;
  constructor(status: number, detail: string) {
    super(`HTTP ${status}: ${detail}`);
    this.status = status;
    this.detail = detail;
  }
}

type Described = { message?: unknown; code?: unknown };

/** An answer that is no success, as `DockerRefusal` or `EngineUnavailable`. */
export function answerFailure(status: number, body: string, endpointLabel: string): Error {
  const detail = engineWords(body);
  // A proxy in front of the engine answers these when the engine itself is away.
  if (status >= 502 && status <= 504)
    return new EngineUnavailable(
      `The container engine at ${endpointLabel} is away (HTTP ${status}: ${detail})`,
    );
  return new DockerRefusal(status, detail);
}

export function unreachable(error: unknown, endpointLabel: string, doing: string): EngineUnavailable {
  const { code, message } = (error ?? {}) as Described;
  const reason = typeof code === 'string' ? code : typeof message === 'string' ? message : String(error);
  return new EngineUnavailable(
    `The container engine at ${endpointLabel} cannot be reached (${doing}: ${reason}): ${cureOf(code, endpointLabel)}`,
    { cause: error },
  );
}

export function timedOut(endpointLabel: string, doing: string, timeoutMs: number): EngineUnavailable {
  return new EngineUnavailable(
    `The container engine at ${endpointLabel} did not answer within ${timeoutMs} ms (${doing}): it is overloaded or hangs`,
  );
}

/** Codes of Node's for a peer whose certificate is not believed, that does not believe ours, or that speaks no TLS. */
const TLS_FAILURE = /^(ERR_TLS|ERR_SSL|EPROTO$)|CERT|SELF_SIGNED|UNABLE_TO_VERIFY/;

function cureOf(code: unknown, endpointLabel: string): string {
  if (typeof code === 'string' && TLS_FAILURE.test(code))
    return 'the two sides do not agree on TLS: check ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH, and whether the engine speaks TLS there';
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `this user may not open it: add the user to the group that owns ${endpointLabel} (usually "docker"), or run as root`;
    case 'ENOENT':
      return 'there is no such socket: start Docker, or set DOCKER_HOST';
    case 'ECONNREFUSED':
      return 'nothing listens there: start Docker, or set DOCKER_HOST';
    case 'ECONNRESET':
      return 'it hung up: check that Docker runs, and where it speaks TLS there, set DOCKER_TLS_VERIFY and DOCKER_CERT_PATH';
    default:
      return 'check that Docker runs and that DOCKER_HOST is right';
  }
}

/** The engine explains itself as `{"message": "…"}`. */
function engineWords(body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    if (typeof message === 'string' && message !== '') return message;
  } catch {
    // Something between us and the engine answered: its own words are all there is.
  }
  return body.trim().slice(0, 500) || 'no reason given';
}

/** The usual meaning of a refusal for a call about container `id`; other errors pass unchanged. */
export function refusalOf(error: unknown, id: string): unknown {
  if (!(error instanceof DockerRefusal)) return error;
  if (isNoSuchContainer(error)) return new ContainerMissing(id, { cause: error });
  return plainRefusal(error);
}

export function plainRefusal(error: unknown): unknown {
  if (!(error instanceof DockerRefusal)) return error;
  // Docker 20.10 answers 500 for what is the caller's own doing.
  return error.status >= 500 && !/marked read-only/.test(error.detail)
    ? new EngineFailed(error.detail, { cause: error })
    : new EngineRefused(error.detail, { cause: error });
}

export function isNoSuchContainer(error: unknown): boolean {
  return error instanceof DockerRefusal && error.status === 404 && /no such container/i.test(error.detail);
}

export function hasStatus(error: unknown, status: number): error is DockerRefusal {
  return error instanceof DockerRefusal && error.status === status;
}
