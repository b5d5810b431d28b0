export type LaunchRefusal =
  | 'unknown_runtime'
  | 'missing_entry_point'
  | 'bad_entry_point'
  | 'bad_code_file'
  | 'bad_config'
  | 'bad_params';

/** A bot that cannot be launched as it is described: only a change by its owner mends it. */
export class LaunchRefused extends Error {
  override readonly name = 'LaunchRefused';
  readonly code: LaunchRefusal;
  readonly retryable = false;
  /** The field of the bot's document that is wrong. */
  readonly field: string;
  constructor(code: LaunchRefusal, field: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.field = field;
  }
}

const SHOWN_CHARACTERS = 120;

/** A value as it may stand in a message: JSON, bounded. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= SHOWN_CHARACTERS
    ? text
    : `${text.slice(0, SHOWN_CHARACTERS)}… (${text.length} characters)`;
}
