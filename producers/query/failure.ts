/** A query that gets no answer: with which HTTP status that is told, and in which words. */
export class QueryFailure extends Error {
  override readonly name = 'QueryFailure';
  readonly status: number;
  /** Further members of the answer's body. */
  readonly extra: Readonly<Record<string, unknown>>;
  constructor(
    status: number,
    message: string,
    options: { extra?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.status = status;
    this.extra = options.extra ?? {};
  }
}
