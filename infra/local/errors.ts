/** Errors of bringing up servers and the engine: their messages are for a person and name the cure. */
export class LocalServerError extends Error {
  override readonly name: string = 'LocalServerError';
  readonly code: string;
  readonly retryable: boolean;
  constructor(code: string, message: string, options?: ErrorOptions & { retryable?: boolean }) {
    super(message, options);
    this.code = code;
    this.retryable = options?.retryable ?? false;
  }
}

/** A way of getting a server that does not work here. `cure` is the command that would make it work. */
export class WayBlocked extends LocalServerError {
  override readonly name = 'WayBlocked';
  readonly cure: string | undefined;
  constructor(message: string, cure?: string, options?: ErrorOptions) {
    super('way_blocked', message, options);
    this.cure = cure;
  }
}

/** The server was started and did not become ready; the message holds the end of its log. */
export class ServerStartFailed extends LocalServerError {
  override readonly name = 'ServerStartFailed';
  constructor(message: string, options?: ErrorOptions) {
    super('server_start_failed', message, { ...options, retryable: true });
  }
}

/** Another living process runs servers in the same directory. */
export class DirectoryInUse extends LocalServerError {
  override readonly name = 'DirectoryInUse';
  readonly ownerPid: number;
  constructor(dir: string, ownerPid: number) {
    super(
      'directory_in_use',
      `${dir} is in use by process ${ownerPid}: stop that one first, or choose another directory`,
    );
    this.ownerPid = ownerPid;
  }
}

/** No way of getting a server works on this machine. */
export class ServerUnobtainable extends LocalServerError {
  override readonly name = 'ServerUnobtainable';
  constructor(message: string, options?: ErrorOptions) {
    super('server_unobtainable', message, options);
  }
}

/** There is no container engine, and none could be started. */
export class EngineMissing extends LocalServerError {
  override readonly name = 'EngineMissing';
  constructor(message: string, options?: ErrorOptions) {
    super('engine_missing', message, options);
  }
}
