/** An archive that cannot become a bot's state. Only another archive helps. */
export class BadState extends Error {
  override readonly name = 'BadState';
  readonly code = 'bad_state';
  readonly retryable = false;
  /** `detail` completes "Its state archive …". */
  constructor(detail: string, options?: ErrorOptions) {
    super(`Its state archive ${detail}`, options);
  }
}

/** More than is allowed, in the volume or in an archive. */
export class StateTooLarge extends Error {
  override readonly name = 'StateTooLarge';
  readonly code = 'state_too_large';
  readonly retryable = false;
}

/** What is read or written changed under our hands; it is done again. */
export class StateChanged extends Error {
  override readonly name = 'StateChanged';
  readonly code = 'state_changed';
  readonly retryable = true;
}
