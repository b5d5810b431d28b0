/** Errors of the engine port. `retryable`: the same call may succeed later with nothing changed by its owner. */
export class EngineError extends Error {
  override readonly name: string = 'EngineError';
  readonly code: string;
  readonly retryable: boolean;
  constructor(code: string, message: string, retryable: boolean, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = retryable;
  }
}

/** The engine cannot be reached (stopped, socket missing or without permission, time-out). */
export class EngineUnavailable extends EngineError {
  override readonly name = 'EngineUnavailable';
  constructor(message: string, options?: ErrorOptions) {
    super('engine_unavailable', message, true, options);
  }
}

/** A container of that name exists already; `holderId` is its id where the engine tells. */
export class NameTaken extends EngineError {
  override readonly name = 'NameTaken';
  readonly holderId: string | undefined;
  constructor(containerName: string, holderId?: string, options?: ErrorOptions) {
    super('name_taken', `A container named ${containerName} exists already`, true, options);
    this.holderId = holderId;
  }
}

/** The container is gone. */
export class ContainerMissing extends EngineError {
  override readonly name = 'ContainerMissing';
  constructor(id: string, options?: ErrorOptions) {
    super('container_missing', `There is no container ${id}`, true, options);
  }
}

/** The engine refused to start it: the message is the engine's own (for example: executable not found). */
export class StartRefused extends EngineError {
  override readonly name = 'StartRefused';
  constructor(message: string, options?: ErrorOptions) {
    super('start_refused', message, true, options);
  }
}

/** The image is not present on the engine. */
export class ImageMissing extends EngineError {
  override readonly name = 'ImageMissing';
  constructor(reference: string, options?: ErrorOptions) {
    super('image_missing', `The engine has no image ${reference}`, true, options);
  }
}

/** The image could not be pulled. */
export class PullFailed extends EngineError {
  override readonly name = 'PullFailed';
  constructor(reference: string, reason: string, options?: ErrorOptions) {
    super('pull_failed', `The image ${reference} could not be pulled: ${reason}`, true, options);
  }
}

/** The engine understood the request and refused it: the message is the engine's own. */
export class EngineRefused extends EngineError {
  override readonly name = 'EngineRefused';
  constructor(message: string, options?: ErrorOptions) {
    super('engine_refused', message, false, options);
  }
}

/** The engine tried and failed by its own account (its disk is full, its runtime broke): the same call may succeed later. */
export class EngineFailed extends EngineError {
  override readonly name = 'EngineFailed';
  constructor(message: string, options?: ErrorOptions) {
    super('engine_failed', message, true, options);
  }
}

/** Nothing is at that path in the container. */
export class PathMissing extends EngineError {
  override readonly name = 'PathMissing';
  constructor(id: string, path: string, options?: ErrorOptions) {
    super('path_missing', `There is nothing at ${path} in container ${id}`, false, options);
  }
}

/** A `ContainerSpec` (or a name or path) that no engine may render; the message names the field, its value and the cure. */
export class SpecRefused extends EngineError {
  override readonly name = 'SpecRefused';
  readonly field: string;
  constructor(field: string, value: unknown, cure: string) {
    const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 120)) : String(value);
    super('spec_refused', `${field}: ${shown} cannot be used: ${cure}`, false);
    this.field = field;
  }
}
