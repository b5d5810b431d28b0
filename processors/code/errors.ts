/** The bot has no code at all: the platform leaves `filePath` empty until something is uploaded. */
export class NoCode extends Error {
  override readonly name = 'NoCode';
  readonly code = 'no_code';
  readonly retryable = false;
  constructor() {
    super('custom.filePath is empty: no code was ever uploaded for this bot. Upload a version of it.');
  }
}

/** The entry point that the bot names is not a file of its archive. Only another archive or another name helps. */
export class EntryPointMissing extends Error {
  override readonly name = 'EntryPointMissing';
  readonly code = 'entrypoint_missing';
  readonly retryable = false;
}

/** The object changed between looking it up and reading it; keys are written once, so this settles by itself. */
export class ObjectChanged extends Error {
  override readonly name = 'ObjectChanged';
  readonly code = 'object_changed';
  readonly retryable = true;
  constructor(key: string) {
    super(`The object ${JSON.stringify(key)} was replaced while it was read`);
  }
}

/** The engine took the code, or seemed to, without reading all of it. */
export class VolumeIncomplete extends Error {
  override readonly name = 'VolumeIncomplete';
  readonly code = 'volume_incomplete';
  readonly retryable = true;
  constructor(volume: string) {
    super(`The engine did not read all of the code for volume ${volume}`);
  }
}
