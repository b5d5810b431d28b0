/** An image cannot be built on this machine; the message says why. */
export class BuildImpossible extends Error {
  override readonly name = 'BuildImpossible';
  readonly code = 'build_impossible';
  readonly retryable = false;
}

/** An image could not be pulled. `unreachable`: nor can any other of that registry. */
export class PullImpossible extends Error {
  override readonly name = 'PullImpossible';
  readonly code = 'pull_impossible';
  readonly retryable = true;
  readonly unreachable: boolean;
  constructor(message: string, unreachable: boolean, options?: ErrorOptions) {
    super(message, options);
    this.unreachable = unreachable;
  }
}
